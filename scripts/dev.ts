/**
 * Development: a remote host stays up, and the agent in front of it is restarted whenever a source
 * file changes. Ctrl-C takes both down.
 */
import { RUNTIME_FLAGS } from "../lib/cli/runtime.ts";
import { flagList } from "../tests/support/agent.ts";
import { remoteHost } from "./support/remote_host.ts";

const RIG = "rda-dev";
const SOCKET = "/tmp/rda-dev.sock";
const TCP = "127.0.0.1:23750";
const GRACE_MS = 8_000;
const ROOT = new URL("..", import.meta.url).pathname;

const interrupted = new AbortController();

async function dev(args: readonly string[]): Promise<void> {
  const host = await remoteHost(RIG, (line) => console.log(line));
  try {
    console.log(`Remote host: ${host.description}`);
    console.log(`\n  export DOCKER_HOST=unix://${SOCKET}    # or tcp://${TCP}`);
    console.log(`  docker run --rm ${host.image} echo hello\n`);
    if (!interrupted.signal.aborted) await watchAgent(host.flags, args);
  } finally {
    await Deno.remove(SOCKET).catch(() => {}); // the agent removes it itself when it ends in order
    await host.close();
  }
}

/** Runs the agent under `deno run --watch` until Ctrl-C; `args` are further flags for it. */
async function watchAgent(flags: Record<string, string>, args: readonly string[]): Promise<void> {
  const run = ["run", "-A", ...RUNTIME_FLAGS, "--watch", "main.ts"];
  const listen = ["--listen", `unix://${SOCKET}`, "--listen", TCP];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...run, "start", ...flagList(flags), ...listen, ...args],
    cwd: ROOT,
    detached: true,
  }).spawn();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    child.kill("SIGINT");
    timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  };
  interrupted.signal.addEventListener("abort", end);
  await child.status;
  clearTimeout(timer);
}

if (import.meta.main) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => interrupted.abort());
  }
  await dev(Deno.args);
  Deno.exit(0);
}
