/**
 * When both sides were last looked through and found, or made, equal. From then on a side is as it was
 * unless something in it was changed later, by the clock of its own file system: that can be asked
 * without comparing everything. A clock that was set, another mode, or anything that could not be
 * settled, and everything is compared again.
 */
import type { LocalView } from "../local/scan.ts";
import type { LocalTree } from "../local/tree.ts";
import type { RemoteView } from "../remote/scan.ts";
import type { AgreedIndex } from "../state.ts";
import type { Problem, SyncMode } from "../types.ts";

/** A file may change twice within one tick of the clock. */
const TICK_MS = 50;
/** How far a clock may be off what it should show by now; the answer of a host takes its time. */
const MAX_DRIFT_MS = 2_000;
/** After this, everything is compared once more, whatever the clocks say. */
const MAX_AGE_MS = 30 * 60 * 1000;

/** What a look is good for: with another mode, or an index that was cleared, it is not. */
export interface LookBasis {
  readonly mode: SyncMode;
  readonly index: AgreedIndex;
}

/** What is remembered of one side. Times are milliseconds of the clock of that side. */
interface SideLook {
  readonly since: number;
  readonly problems: readonly Problem[];
  /** What the side's clock was ahead of our monotonic one. */
  readonly offset: number;
}

/** See the file comment. The session holds it; rounds use it. */
export class LastLook {
  #local: SideLook | undefined;
  #remote: SideLook | undefined;
  #basis: string | undefined;
  #at = 0;

  /** Since when to ask both sides for changes, or nothing: everything has to be compared. */
  since(basis: LookBasis): { local: number; remote: number } | undefined {
    if (this.#local === undefined || this.#remote === undefined) return undefined;
    if (this.#basis !== keyOf(basis)) return undefined;
    if (performance.now() - this.#at > MAX_AGE_MS) return undefined;
    if (drifts(this.#local, Date.now())) return undefined;
    return { local: this.#local.since, remote: this.#remote.since };
  }

  /** Whether the answer of the remote host, given just now, can be relied upon. */
  trusts({ unchanged, began }: RemoteView): boolean {
    return unchanged && this.#remote !== undefined && !drifts(this.#remote, began * 1000);
  }

  /** The problems of both sides as they were then. */
  get problems(): readonly Problem[] {
    return [...this.localProblems, ...this.remoteProblems];
  }

  get localProblems(): readonly Problem[] {
    return this.#local?.problems ?? [];
  }

  get remoteProblems(): readonly Problem[] {
    return this.#remote?.problems ?? [];
  }

  /** All of a side was looked at, and all of the differences have been settled. */
  settled(
    basis: LookBasis,
    local: LocalView | undefined,
    remote: RemoteView | undefined,
  ): void {
    if (this.#basis !== keyOf(basis)) this.forget();
    if (local !== undefined) {
      const since = local.began - TICK_MS;
      const offset = Date.now() - performance.now();
      this.#local = { since, offset, problems: local.problems };
    }
    if (remote !== undefined) {
      const since = Math.min(remote.latest * 1000 + 1, remote.began * 1000 - TICK_MS);
      const offset = remote.began * 1000 - performance.now();
      this.#remote = { since, offset, problems: remote.problems };
    }
    this.#basis = keyOf(basis);
    if (local !== undefined && remote !== undefined) this.#at = performance.now();
  }

  /** Something is not as it should be: the next look is at everything. */
  forget(): void {
    this.#local = undefined;
    this.#remote = undefined;
  }
}

function keyOf({ mode, index }: LookBasis): string {
  return `${mode} ${index.cleared}`;
}

function drifts({ offset }: SideLook, clock: number): boolean {
  return Math.abs(clock - performance.now() - offset) > MAX_DRIFT_MS;
}

/** File systems whose times are those of this machine's clock. */
const OWN_CLOCK = /^(ext[234]|xfs|btrfs|zfs|f2fs|tmpfs|overlay)$/;

/**
 * Whether nothing below the root was changed since a time in milliseconds, as the `find` of Linux tells.
 * Where it cannot, or where the times may be those of a server, the answer is no.
 */
export async function isUnchangedSince({ root }: LocalTree, since: number): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  try {
    if (!hasOwnClock(root, await Deno.readTextFile("/proc/self/mountinfo"))) return false;
    const { code, stdout, stderr } = await new Deno.Command("find", {
      args: [root, "-newerct", `@${(since / 1000).toFixed(3)}`, "-print", "-quit"],
      env: { LC_ALL: "C" },
      stdin: "null",
    }).output();
    return code === 0 && stdout.length === 0 && stderr.length === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether the mount that holds `root`, and those below it, are of kinds in {@link OWN_CLOCK}. */
export function hasOwnClock(root: string, mountinfo: string): boolean {
  let holder = { point: "", kind: "" };
  for (const line of mountinfo.split("\n")) {
    // See proc(5): the mount point is the fifth word, the kind the first one after a lone dash.
    const kind = / - (\S+) /.exec(line)?.[1] ?? "";
    const octal = (_: string, digits: string) => String.fromCharCode(parseInt(digits, 8));
    const point = (line.split(" ")[4] ?? "").replace(/\\([0-7]{3})/g, octal);
    const prefix = point === "/" ? "/" : `${point}/`;
    if (point === "") continue;
    if (point.startsWith(`${root}/`) && !OWN_CLOCK.test(kind)) return false;
    if ((`${root}/`).startsWith(prefix) && point.length >= holder.point.length) {
      holder = { point, kind };
    }
  }
  return OWN_CLOCK.test(holder.kind);
}
