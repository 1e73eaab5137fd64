/**
 * What the remote `find` and `stat` say about a path, in one form for both: the stamp. Pure.
 * The form is `inode size mtime ctime mode`: times in seconds with nine decimals, the mode in hex.
 */
import type { Entry } from "./entry.ts";

/** For `stat --printf`: stamp and name of each argument, as records that end with NUL. */
export const STAT_FORMAT = "%i %s %.9Y %.9Z %f %n\\0";

const TYPE_BITS: Readonly<Record<string, number>> = { f: 0x8000, d: 0x4000, l: 0xa000 };

/** A file may change again within the same tick of the clock and look the same. */
const TICK_S = 0.05;

/** The stamp from what `find -printf` tells: type, permissions (octal), and times with ten decimals. */
export function findStamp(
  type: string,
  permissions: string,
  [size, inode, mtime, ctime]: readonly [string, string, string, string],
): string {
  const mode = (TYPE_BITS[type] ?? 0) | parseInt(permissions, 8);
  return `${inode} ${size} ${nineDecimals(mtime)} ${nineDecimals(ctime)} ${mode.toString(16)}`;
}

function nineDecimals(time: string): string {
  const [whole = "0", part = ""] = time.split(".");
  return `${whole}.${part.padEnd(9, "0").slice(0, 9)}`;
}

/** The parts of a stamp. */
export function stampParts(stamp: string) {
  const [inode = "", size = "", mtime = "", , mode = "0"] = stamp.split(" ");
  return {
    inode,
    size: Number(size),
    mtime: Number(mtime),
    mode: parseInt(mode, 16) & 0o777,
    /** The same file with the same content, wherever it has been moved to. */
    identity: `${inode} ${size} ${mtime}`,
  };
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
