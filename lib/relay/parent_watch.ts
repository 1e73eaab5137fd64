/**
 * Notices the end of the process a server was started for. Inside WSL that is a Windows process,
 * which only Windows can be asked about; elsewhere it is one of this machine. A process whose state
 * cannot be found out counts as alive, so that a hiccup ends nothing.
 */
import process from "node:process";
import { errorCode, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { sleep } from "../system/sleep.ts";

/** Where Windows is if the PATH of the distribution does not lead there. */
const TASKLIST = ["tasklist.exe", "/mnt/c/Windows/System32/tasklist.exe"] as const;

/** What to watch, and how. */
export interface ParentWatchOptions {
  /** The process; the one that started this one unless given. */
  readonly pid?: number;
  readonly pollIntervalMs: number;
  /** Bound on one question to Windows. */
  readonly maxWaitMs: number;
  readonly log: Logger;
  /** Ends watching. */
  readonly signal: AbortSignal;
  /** How to tell whether it lives. Default: as this machine needs. */
  readonly probe?: Probe;
}

/** Whether the process lives; `undefined` if that cannot be told now. */
export type Probe = (signal: AbortSignal) => Promise<boolean | undefined> | boolean | undefined;

/** Settles with `true` once the process is gone, with `false` when `signal` ends the watch. */
export async function parentGone(options: ParentWatchOptions): Promise<boolean> {
  const { pollIntervalMs, maxWaitMs, signal, log } = options;
  const probe = options.probe ?? await probeFor(options.pid, log);
  let told = false;
  while (!signal.aborted) {
    const late = AbortSignal.any([signal, AbortSignal.timeout(maxWaitMs)]);
    const alive = await probe(late);
    if (alive === false) return !signal.aborted;
    if (alive === undefined && !told && !signal.aborted) {
      log.warn("Cannot find out whether the parent process lives", { pid: options.pid ?? 0 });
    }
    told ||= alive === undefined;
    await sleep(pollIntervalMs, signal);
  }
  return false;
}

async function probeFor(pid: number | undefined, log: Logger): Promise<Probe> {
  if (pid === undefined) {
    const first = Deno.ppid;
    return () => Deno.ppid === first;
  }
  if (await insideWsl()) return (signal) => windowsProcessLives(pid, signal, log);
  if (Deno.build.os !== "linux") return () => acceptsSignals(pid);
  const born = birthOf(pid);
  // The number of a process that has ended is given to another one some day.
  return () => born !== undefined && birthOf(pid) === born;
}

/** WSL's kernels call themselves so, both version 1 and 2. */
async function insideWsl(): Promise<boolean> {
  try {
    return /microsoft/i.test(await Deno.readTextFile("/proc/sys/kernel/osrelease"));
  } catch {
    // Not Linux, or no /proc: not WSL either way.
    return false;
  }
}

/** When a Linux process began, in ticks since boot; `undefined` if there is none or only its remains. */
export function birthOf(pid: number): string | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The name, in parentheses, may hold anything; the fields after it are numbered from 3 (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const state = fields[0] ?? "";
    return state === "Z" || state === "X" ? undefined : fields[19];
  } catch {
    // No such process.
    return undefined;
  }
}

function acceptsSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

/** Asks `tasklist.exe`, which WSL runs as any program. Exported for its test. */
export async function windowsProcessLives(
  pid: number,
  signal: AbortSignal,
  log: Logger,
  commands: readonly string[] = TASKLIST,
): Promise<boolean | undefined> {
  for (const command of commands) {
    try {
      const args = ["/FI", `PID eq ${pid}`, "/NH", "/FO", "CSV"];
      const { success, stdout } = await new Deno.Command(command, {
        args,
        stdin: "null",
        stderr: "null",
        signal,
      }).output();
      if (success) return new TextDecoder().decode(stdout).includes(`"${pid}"`);
    } catch (error) {
      // Not there, not for us, or too slow: the next one, or no answer.
      log.debug("Cannot ask Windows", { command, error: messageOf(error) });
    }
  }
  return undefined;
}
