/**
 * A directory that is held open, so that what is done in it is done in that one and no other, even if
 * somebody puts another directory or a link in its place meanwhile. Whoever pins it closes it.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** See the file comment. */
export interface PinnedDirectory extends AsyncDisposable {
  /** Leads to the directory, for as long as it is pinned. */
  readonly path: string;
  /** Makes the names in it last over a power cut, where the file system can. Never rejects. */
  sync(): Promise<void>;
}

/** Rejects where there is no such directory, or a link. `path` holds no other links. */
export async function pinDirectory(path: string): Promise<PinnedDirectory> {
  const handle = await open(
    path,
    constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
  );
  return {
    path: await pathOf(handle, path),
    async sync() {
      try {
        await handle.sync();
      } catch {
        // Not on this file system; the files themselves are on the disk.
      }
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** Sets the mode of a file, and never that of one which a link in its place leads to. */
export async function setMode(path: string, mode: number): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await handle.chmod(mode);
  } finally {
    await handle.close();
  }
}

/** Linux has a path for each open file; elsewhere the directory is not pinned, but named. */
async function pathOf(handle: FileHandle, path: string): Promise<string> {
  const own = `/proc/self/fd/${handle.fd}`;
  const found = await Deno.stat(own).catch(() => undefined);
  return found?.isDirectory ? own : path;
}
