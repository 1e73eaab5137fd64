/** A command on a terminal of its own, which it can also open as `/dev/tty`. */
import { messageOf } from "../../errors.ts";
import type { TerminalSize } from "../../transport/guest/exec_frames.ts";
import { refuse } from "../reply.ts";
import type { Program } from "./program.ts";
import { cannotStart, type Output, reportOf, type Spawned } from "./spawned.ts";
import type { Terminal, Terminals } from "./terminal.ts";

/**
 * The shell leads a new session without a terminal, so the one that it opens becomes its own
 * (tty_ioctl(4)); then it becomes the command.
 */
const ON_TERMINAL = 'exec "$@" <>"$0" >&0 2>&0';
/** The character that ends the input on a terminal (VEOF, Ctrl-D). */
const END_OF_INPUT = 0x04;

/** Starts it. Throws `ReplyError` when there is no terminal, or the system refuses. */
export function spawnOnTerminal(
  program: Program,
  size: TerminalSize,
  terminals: Terminals,
): Spawned {
  const { path, args, env, cwd } = program;
  let terminal: Terminal;
  try {
    terminal = terminals.open(size);
  } catch (error) {
    throw refuse(503, `cannot open a terminal: ${messageOf(error)}`, error);
  }
  try {
    const process = new Deno.Command("/bin/sh", {
      args: ["-c", ON_TERMINAL, terminal.path, path, ...args],
      env: { ...env },
      clearEnv: true,
      cwd,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      detached: true, // setsid(2)
    }).spawn();
    return new OnTerminal(process, terminal);
  } catch (error) {
    void terminal.close();
    throw cannotStart(path, error);
  }
}

class OnTerminal implements Spawned {
  readonly pid: number;
  readonly outputs: readonly Output[];
  readonly exit: Spawned["exit"];
  readonly endsWithLeader = true;
  readonly #terminal: Terminal;

  constructor(process: Deno.ChildProcess, terminal: Terminal) {
    this.pid = process.pid;
    this.#terminal = terminal;
    this.outputs = [{ kind: "stdout", read: () => terminal.read() }];
    this.exit = process.status.then(reportOf, (error) => ({ error: String(error) }));
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#terminal.write(chunk);
  }

  async endInput(): Promise<void> {
    try {
      await this.#terminal.write(new Uint8Array([END_OF_INPUT]));
    } catch {
      // It has ended.
    }
  }

  resize(size: TerminalSize): void {
    this.#terminal.resize(size);
  }

  close(): Promise<void> {
    return this.#terminal.close();
  }
}
