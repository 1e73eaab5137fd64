/**
 * What the remote `find` and `stat` say about a path, in one form for both: the stamp. Pure.
 * The form is `inode size mtime ctime mode`: times in seconds with ten decimals, the mode in octal. A
 * directory's is only `d` and its mode.
 */
import type { Entry } from "../core/entry.ts";

/** For `stat --printf`: stamp and name of each argument, as records that end with NUL. */
export const STAT_FORMAT = "%i %s %.10Y %.10Z %a %n\\0";

/** For `find -printf`: the stamp of a path. */
export const FIND_STAMP = "%i %s %T@ %C@ %m";

/** A file may change again within the same tick of the clock and look the same. */
const TICK_S = 0.05;

/** The parts of a stamp. */
export function stampParts(stamp: string) {
  const [inode = "", size = "", mtime = "", , mode = "0"] = stamp.split(" ");
  return {
    inode,
    size: Number(size),
    mtime: Number(mtime),
    mode: parseInt(mode, 8) & 0o777,
    /** The same file with the same content, wherever it has been moved to. */
    identity: `${inode} ${size} ${mtime}`,
  };
}

/** The content of a file whose stamp proves it; see `volume/volume_stamp.ts`. */
export function contentIn(stamp: string): string | undefined {
  return /^h:([0-9a-f]{64}) /.exec(stamp)?.[1];
}

/** The stamp of a directory with a mode. */
export function dirStamp(mode: number): string {
  return `d${mode.toString(8)}`;
}

/** Whether a file that looks like this at `now` (seconds, remote clock) may still change unnoticed. */
export function isRacy(stamp: string, now: number): boolean {
  return stampParts(stamp).mtime > now - TICK_S;
}

/** The mode of a remote file whose owner is not the one inside the container: anybody may write. */
export function openMode(mode: number, kind: Entry["kind"]): number {
  if (kind === "dir") return 0o777;
  return mode | 0o666 | ((mode & 0o100) !== 0 ? 0o111 : 0);
}

/** The local mode a remote one stands for: the agreed one if it is what we would have given it. */
export function meantMode(actual: number, kind: Entry["kind"], agreed: number | undefined): number {
  if (agreed !== undefined && actual === openMode(agreed, kind)) return agreed;
  // Open to all is what we make things there; here they become what people usually have.
  return actual === openMode(actual, kind) ? actual & ~0o022 : actual;
}
