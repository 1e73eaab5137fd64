/**
 * A helper process of the bench (the agent, a forwarding ssh) that runs until it is stopped. Keeps
 * the end of its standard error, which says why it failed. Whoever starts it stops it.
 */

/** How much of the end of the standard error is kept. */
const TAIL_BYTES = 4096;
/** How long a process may take to end after SIGTERM before it is killed. */
const STOP_GRACE_MS = 5000;

/** A running process. */
export interface Child {
  readonly pid: number;
  /** The last lines of its standard error. */
  tail(): string;
  /** Whether it has ended by itself or by {@link stop}. */
  ended(): boolean;
  /** SIGTERM, then SIGKILL after a grace; settles once the process is gone. Idempotent. */
  stop(): Promise<void>;
}

/** Starts `command`; throws what `Deno.Command.spawn` throws, such as `NotFound`. */
export function startChild(command: string, args: readonly string[]): Child {
  const process = new Deno.Command(command, {
    args: [...args],
    clearEnv: true,
    env: ownEnvironment(),
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let tail = "";
  let ended = false;
  const drained = (async () => {
    for await (const text of process.stderr.pipeThrough(new TextDecoderStream())) {
      tail = (tail + text).slice(-TAIL_BYTES);
    }
  })();
  const status = process.status.then(() => {
    ended = true;
  });
  return {
    pid: process.pid,
    tail: () => tail.trim(),
    ended: () => ended,
    async stop() {
      if (!ended) process.kill("SIGTERM");
      const killer = setTimeout(() => ended || process.kill("SIGKILL"), STOP_GRACE_MS);
      await Promise.all([status, drained]);
      clearTimeout(killer);
    },
  };
}

/** Our environment without the settings of the agent, which are to be the defaults. */
function ownEnvironment(): Record<string, string> {
  const entries = Object.entries(Deno.env.toObject());
  return Object.fromEntries(entries.filter(([name]) => !/^(RDA_|LOG_LEVEL$)/.test(name)));
}
