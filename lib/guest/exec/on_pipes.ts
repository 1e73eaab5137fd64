/** A command with pipes for input and outputs. */
import type { Program } from "./program.ts";
import { cannotStart, type Output, reportOf, type Spawned } from "./spawned.ts";

/** Runs what follows with standard error where standard output is, in order. */
const JOINED = 'exec "$0" "$@" 2>&1';

/**
 * Starts it. `joined`: standard error goes to standard output, as the first level of the protocol has it.
 * Throws `ReplyError` when the system refuses.
 */
export function spawnPlain(program: Program, joined: boolean): Spawned {
  const { path, args, env, cwd } = program;
  let process: Deno.ChildProcess;
  try {
    process = new Deno.Command(joined ? "/bin/sh" : path, {
      args: joined ? ["-c", JOINED, path, ...args] : [...args],
      env: { ...env },
      clearEnv: true,
      cwd,
      stdin: "piped",
      stdout: "piped",
      stderr: joined ? "null" : "piped",
      detached: true, // setsid(2)
    }).spawn();
  } catch (error) {
    throw cannotStart(path, error);
  }
  return new Plain(process, joined);
}

class Plain implements Spawned {
  readonly pid: number;
  readonly outputs: readonly Output[];
  readonly exit: Spawned["exit"];
  readonly endsWithLeader = false;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #readers: ReadableStreamDefaultReader<Uint8Array>[] = [];

  constructor(process: Deno.ChildProcess, joined: boolean) {
    this.pid = process.pid;
    this.#stdin = process.stdin.getWriter();
    this.#stdin.closed.catch(() => {/* A broken pipe is told by `write`. */});
    this.outputs = [
      this.#output("stdout", process.stdout),
      ...(joined ? [] : [this.#output("stderr", process.stderr)]),
    ];
    this.exit = process.status.then(reportOf, (error) => ({ error: String(error) }));
  }

  #output(kind: Output["kind"], stream: ReadableStream<Uint8Array>): Output {
    const reader = stream.getReader();
    this.#readers.push(reader);
    return {
      kind,
      async read() {
        const { value, done } = await reader.read();
        return done ? null : value;
      },
    };
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#stdin.write(chunk);
  }

  async endInput(): Promise<void> {
    try {
      await this.#stdin.close();
    } catch {
      // It has closed its input itself, or it was closed before.
    }
  }

  /** It has no terminal. */
  resize(): void {}

  /** Waits for nothing: a process that has left the session can hold a write for as long as it lives. */
  close(): Promise<void> {
    this.#stdin.abort().catch(() => {/* Closed. */});
    for (const reader of this.#readers) reader.cancel().catch(() => {/* Ended. */});
    return Promise.resolve();
  }
}
