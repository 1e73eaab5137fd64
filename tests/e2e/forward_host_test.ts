/** Containers on the remote host's own network: their ports are found and arrive on localhost. */
import { startAgent } from "../support/agent.ts";
import { assertEquals } from "../support/assert.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { freePort } from "../support/free_ports.ts";
import { until } from "../support/poll.ts";
import type { Rig } from "../support/rig.ts";

const test = await endToEnd();
const agentOnly = { agentOnly: true };
const LOOPBACK = "127.0.0.1";

/** What a server that talks first says, or nothing where none listens. */
async function banner(port: number): Promise<string | undefined> {
  try {
    using client = await Deno.connect({ hostname: LOOPBACK, port });
    const buffer = new Uint8Array(64);
    const count = await client.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0)).trim();
  } catch {
    return undefined; // refused, or reset
  }
}

/** `body` with an agent as `user`, and a container on the host's network that serves `port`. */
async function hosted(
  rig: Rig,
  user: string,
  body: (docker: DockerCli, id: string, port: number) => Promise<void>,
): Promise<void> {
  await using agent = await startAgent(rig, { "ssh-user": user });
  await using docker = await agent.docker(defaultCli());
  const port = freePort();
  const serve = ["nc", "-ll", "-p", `${port}`, "-e", "echo", "found"];
  const id = await docker.ok(["run", "-d", "--network", "host", "bb", ...serve]);
  try {
    await until("the port arrives", async () => await banner(port) === "found");
    await body(docker, id, port);
  } finally {
    await docker.run(["rm", "-f", id]);
  }
}

for (const [user, how] of [["root", "its processes seen"], ["dev", "unseen"]] as const) {
  test.bare(
    `a port on the host's network, ${how}`,
    agentOnly,
    (rig) =>
      hosted(rig, user, async (docker, id, port) => {
        await docker.ok(["restart", "-t", "0", id]);
        await until("the port is back", async () => await banner(port) === "found");
        await docker.ok(["kill", id]);
        await until("it is gone", async () => await banner(port) === undefined);
        assertEquals(await docker.ok(["ps", "-q", "--filter", `id=${id}`]), "");
      }),
  );
}

test.bare("a rule leaves the port alone; others are found", agentOnly, async (rig) => {
  const [left, found] = [freePort(), freePort()];
  await using agent = await startAgent(rig, { ports: `port=${left} ignore` });
  await using docker = await agent.docker(defaultCli());
  const serve = `nc -ll -p ${left} -e echo left & nc -ll -p ${found} -e echo found`;
  const id = await docker.ok(["run", "-d", "--network", "host", "bb", "sh", "-c", serve]);
  try {
    await until("the other port arrives", async () => await banner(found) === "found");
    assertEquals(await banner(left), undefined);
  } finally {
    await docker.run(["rm", "-f", id]);
  }
});

test.bare("found again by an agent that was killed", agentOnly, async (rig) => {
  const port = freePort();
  const serve = ["nc", "-ll", "-p", `${port}`, "-e", "echo", "found"];
  const run = ["run", "-d", "--network", "host", "--expose", `${port}`, "bb", ...serve];
  const first = await startAgent(rig);
  const docker = await first.docker(defaultCli());
  try {
    await docker.ok(run);
    await until("the port arrives", async () => await banner(port) === "found");
    first.kill("SIGKILL");
    await first.wait();
  } finally {
    await docker[Symbol.asyncDispose]();
    await first.stop();
  }
  await using second = await startAgent(rig);
  await using again = await second.docker(defaultCli());
  await until("the port is back", async () => await banner(port) === "found");
  const ids = await again.ok(["ps", "-q"]);
  await again.ok(["rm", "-f", ...ids.split("\n")]);
});
