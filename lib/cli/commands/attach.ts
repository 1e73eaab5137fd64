/**
 * Joins a command that runs elsewhere to the streams of this process until it ends: input, outputs,
 * signals, the keys and the size of the terminal.
 */
import { constants } from "node:os";
import { AgentError } from "../../errors.ts";
import type { GuestProcess } from "../../transport/guest/exec.ts";
import type { ExitReport } from "../../transport/guest/exec_frames.ts";
import type { LocalStreams } from "../local_streams.ts";
import { STOP_SIGNALS, type StopSignal, type System } from "../system.ts";

/** What a process ends with when nobody reads its output (128 + SIGPIPE). */
const PIPE_BROKEN = 141;
const SIGNALLED = 128;

/**
 * Returns the exit status: the command's own, or 128 and the number of the signal that ended it. Throws
 * `AgentError` of kind `lost` when the connection ended first. `stdio` is closed by then.
 */
export async function attach(
  process: GuestProcess,
  { tty }: { readonly tty: boolean },
  streams: LocalStreams,
  system: System,
): Promise<number> {
  const raw = tty && streams.inIsTerminal;
  const local = new Local(process);
  const unwatch = system.onSignal((signal) => local.onSignal(signal));
  const unresize = tty ? streams.onResize(() => tellSize(process, streams)) : () => {};
  try {
    if (raw) streams.setRaw(true);
    void feed(process, streams);
    if (!await drain(process, streams)) return PIPE_BROKEN;
    return statusOf(await process.exit, process.framed);
  } catch (error) {
    if (local.gaveUp !== undefined) return SIGNALLED + STOP_SIGNALS[local.gaveUp];
    throw error;
  } finally {
    if (raw) streams.setRaw(false);
    unresize();
    unwatch();
    process.stdio.close();
  }
}

/** Signals to this process are for the command; who asks twice wants to leave. */
class Local {
  /** The signal upon which the command was left. */
  gaveUp: StopSignal | undefined;
  readonly #process: GuestProcess;
  #sent: StopSignal | undefined;

  constructor(process: GuestProcess) {
    this.#process = process;
  }

  onSignal(signal: StopSignal): void {
    if (this.#process.framed && this.#sent !== signal) {
      this.#sent = signal;
      void this.#process.signal(signal);
      return;
    }
    this.gaveUp = signal;
    this.#process.stdio.close();
  }
}

function tellSize(process: GuestProcess, streams: LocalStreams): void {
  const size = streams.size();
  if (size !== undefined) void process.resize(size);
}

/** Never rejects; ends with the input, or when the command takes no more. */
async function feed(process: GuestProcess, streams: LocalStreams): Promise<void> {
  try {
    for (let chunk; (chunk = await streams.read()) !== null;) await process.stdio.write(chunk);
  } catch {
    // Either the input cannot be read or the command has ended; both are an end of input.
  }
  await process.stdio.closeWrite();
}

/** Whether all of the output was taken. */
async function drain(process: GuestProcess, streams: LocalStreams): Promise<boolean> {
  for (let chunk; (chunk = await process.stdio.read()) !== null;) {
    try {
      await streams.out(chunk);
    } catch {
      // Whoever read our output has gone, as `head` does.
      return false;
    }
  }
  return true;
}

function statusOf(report: ExitReport, framed: boolean): number {
  if ("code" in report) return report.code;
  if ("signal" in report) {
    const numbers: Readonly<Record<string, number>> = constants.signals;
    return SIGNALLED + (numbers[report.signal] ?? 0);
  }
  if (!framed) return 0;
  throw new AgentError("lost", `Lost the command: ${report.error}`);
}
