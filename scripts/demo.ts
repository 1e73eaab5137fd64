/**
 * The main job, shown on a machine with nothing prepared: a remote host is brought up, the agent
 * started for it, and the real docker CLI runs a container through the agent. Everything is taken
 * down again; the exit code is 0 if all of it worked.
 */
import { flagList, spawnAgent } from "../tests/support/agent.ts";
import { freePort } from "../tests/support/free_ports.ts";
import { Child } from "../tests/support/child.ts";
import { cliVersion } from "../tests/support/docker_cli.ts";
import { type RemoteHost, remoteHost } from "./support/remote_host.ts";

const RIG = "rda-demo";
const READY = /DOCKER_HOST/;
const COMMAND_TIMEOUT_MS = 120_000;

const say = (line: string) => console.log(line);

async function demo(signal: AbortSignal): Promise<void> {
  const host = await remoteHost(RIG, say);
  const directory = await Deno.makeTempDir({ prefix: "rda-demo-" });
  try {
    say(`Remote host: ${host.description}\n`);
    const listen = `127.0.0.1:${freePort()}`;
    await using agent = await startAgent(host, `${directory}/docker.sock`, listen);
    const stop = () => agent.kill("SIGTERM");
    signal.addEventListener("abort", stop);
    try {
      await useDocker(host, `tcp://${listen}`, directory, signal);
    } finally {
      signal.removeEventListener("abort", stop);
    }
    const code = await agent.stop();
    if (code !== 0) throw new Error(`The agent ended with ${code}:\n${agent.output}`);
  } finally {
    await Deno.remove(directory, { recursive: true });
    await host.close();
  }
}

async function startAgent(host: RemoteHost, socket: string, listen: string): Promise<Child> {
  const args = [
    "start",
    ...flagList(host.flags),
    "--listen",
    `unix://${socket}`,
    "--listen",
    listen,
  ];
  say(`$ remote-docker-agent ${args.join(" ")}`);
  const agent = spawnAgent(args);
  try {
    await agent.waitFor(READY);
    say(agent.soFar.output.trimEnd());
    return agent;
  } catch (error) {
    await agent.stop();
    throw error;
  }
}

async function useDocker(
  host: RemoteHost,
  endpoint: string,
  config: string,
  signal: AbortSignal,
): Promise<void> {
  const env = {
    PATH: Deno.env.get("PATH") ?? "/usr/local/bin:/usr/bin:/bin",
    HOME: config,
    DOCKER_CONFIG: config,
    DOCKER_HOST: endpoint,
  };
  say(`\n$ export DOCKER_HOST=${endpoint}`);
  await show(["version"], env, signal);
  await show(["run", "--rm", host.image, "echo", "hello from the remote host"], env, signal);
  await show(["info", "--format", "This engine runs on host {{.Name}}"], env, signal);
}

/** Runs a docker command as a user would see it. */
async function show(
  args: string[],
  env: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  say(`\n$ docker ${args.map((arg) => arg.includes(" ") ? `"${arg}"` : arg).join(" ")}`);
  await using docker = new Child(dockerPath(), args, { env });
  await docker.closeStdin();
  const stop = () => docker.kill("SIGTERM");
  signal.addEventListener("abort", stop);
  try {
    const code = await docker.wait(COMMAND_TIMEOUT_MS);
    say(docker.output.trimEnd());
    if (code !== 0) throw new Error(`"docker ${args.join(" ")}" ended with ${code}`);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function dockerPath(): string {
  if (cliVersion("current") !== undefined) return "/usr/local/bin/docker";
  return cliVersion("debian") !== undefined ? "/usr/bin/docker" : "docker";
}

if (import.meta.main) {
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => interrupted.abort());
  }
  try {
    await demo(interrupted.signal);
    say("\nIt works. Everything has been taken down again.");
    Deno.exit(0);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.error(interrupted.signal.aborted ? "Interrupted." : `The demo failed: ${reason}`);
    Deno.exit(interrupted.signal.aborted ? 130 : 1);
  }
}
