/**
 * Puts a complete file in the place of another. Nothing else is needed elsewhere, but Windows refuses to
 * replace or remove a file that is marked read-only, or that somebody holds open: a scanner or an
 * indexer does so with every new file, for a moment.
 */

/** Between attempts, in milliseconds: longer than a scanner takes, shorter than anybody notices. */
const PAUSES_MS = [1, 5, 20, 50];
/** For writing, as Windows knows it. */
const WRITABLE = 0o200;
/** ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION, ERROR_USER_MAPPED_FILE. */
const HELD = /\(os error (?:5|32|33|1224)\)/;

/** The system beneath, for tests. */
export interface FileCalls {
  readonly platform: typeof Deno.build.os;
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** Allows a file to be written again; throws if it is not there. */
  unprotect(path: string): void;
  pause(ms: number): void;
}

const SYSTEM: FileCalls = {
  platform: Deno.build.os,
  rename: Deno.renameSync,
  remove: Deno.removeSync,
  unprotect(path) {
    const { mode, isFile } = Deno.lstatSync(path);
    if (isFile && ((mode ?? WRITABLE) & WRITABLE) === 0) Deno.chmodSync(path, 0o666);
  },
  pause(ms) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  },
};

/** Renames `from` to `to`, which may be there. Throws as `Deno.renameSync` does. */
export function replaceFileSync(from: string, to: string, calls: FileCalls = SYSTEM): void {
  insist(to, () => calls.rename(from, to), calls);
}

/** Removes a file or an empty directory. Throws as `Deno.removeSync` does. */
export function removeFileSync(path: string, calls: FileCalls = SYSTEM): void {
  insist(path, () => calls.remove(path), calls);
}

/** Whether a file cannot be written because of what it is or who uses it, not for want of room. */
export function isHeld(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.Busy ||
    (error instanceof Error && HELD.test(error.message));
}

function insist(path: string, change: () => void, calls: FileCalls): void {
  const pauses = calls.platform === "windows" ? PAUSES_MS : [];
  for (const ms of pauses) {
    try {
      return change();
    } catch (error) {
      if (!isHeld(error)) throw error;
    }
    try {
      calls.unprotect(path);
    } catch {
      // What it is, the next attempt tells.
    }
    calls.pause(ms);
  }
  change();
}
