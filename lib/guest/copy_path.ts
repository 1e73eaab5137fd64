/**
 * Where a copied file may go: only below the directories that the guest was given, links followed. The
 * last part of the path is never followed, because the file is renamed to it.
 */
import { basename, dirname, isAbsolute, join } from "node:path";
import type { ReplyError } from "../docker/error_reply.ts";
import { pinDirectory, type PinnedDirectory } from "./pinned.ts";
import { refuse } from "./reply.ts";

/** A place for a file that was found to be good. */
export interface CopyPlace {
  /** The directory, with no link left in its path. */
  readonly directory: string;
  readonly name: string;
}

const MAX_NAME_BYTES = 255;

/** The directories as they are now; one that is not there allows nothing. */
async function resolveRoots(roots: readonly string[]): Promise<string[]> {
  const found = await Promise.all(roots.map(realPath));
  return found.filter((path) => path !== undefined);
}

/** Throws `ReplyError`: 400 (no path for a file), 403 (outside) or 404 (no such directory). */
export async function copyPlace(path: string, roots: readonly string[]): Promise<CopyPlace> {
  if (path === "") throw refuse(400, 'the query has no "path"');
  if (!isAbsolute(path)) throw refuse(400, `open ${path}: the path is not absolute`);
  if (path.includes("\0")) throw refuse(400, "the path holds a zero byte");
  const name = basename(path);
  const tooLong = new TextEncoder().encode(name).length > MAX_NAME_BYTES;
  if (path.endsWith("/") || name === "." || name === ".." || name === "" || tooLong) {
    throw refuse(400, `open ${path}: the path does not name a file`);
  }
  const real = await resolveRoots(roots);
  const directory = await realPath(dirname(path));
  // What is outside is refused in the same words whether it is there or not.
  const asked = directory ?? await nearest(dirname(path));
  if (!real.some((root) => isWithin(asked, root))) {
    throw refuse(403, `open ${path}: not below a directory for copies`);
  }
  if (directory === undefined) throw refuse(404, `open ${path}: no such file or directory`);
  return { directory, name };
}

/**
 * The directory that was found to be good, and not what has come to its place since. The caller closes
 * it. Throws `ReplyError` 403.
 */
export async function pinPlace(
  place: CopyPlace,
  roots: readonly string[],
): Promise<PinnedDirectory> {
  let directory: PinnedDirectory;
  try {
    directory = await pinDirectory(place.directory);
  } catch (error) {
    throw moved(error);
  }
  try {
    await checkStillWithin(directory.path, roots);
    return directory;
  } catch (error) {
    await directory[Symbol.asyncDispose]();
    throw error;
  }
}

/** Somebody could have put a link in place of a directory since it was looked at. Throws `ReplyError` 403. */
export async function checkStillWithin(path: string, roots: readonly string[]): Promise<void> {
  const [real, allowed] = await Promise.all([
    Deno.realPath(path).catch((error) => Promise.reject(moved(error))),
    resolveRoots(roots),
  ]);
  if (!allowed.some((root) => isWithin(real, root))) throw moved();
}

function moved(cause?: unknown): ReplyError {
  return refuse(403, "the directory was changed while the file was copied", cause);
}

/** Whether `path` is `root` or below it; both are real paths. */
function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith("/") ? root : `${root}/`);
}

/** The real path of the deepest directory above `path` that there is, with the rest of it. */
async function nearest(path: string): Promise<string> {
  const parent = dirname(path);
  const above = await realPath(parent) ?? await nearest(parent);
  return join(above, basename(path));
}

async function realPath(path: string): Promise<string | undefined> {
  try {
    return await Deno.realPath(path);
  } catch {
    // Not there, not to be seen, or a circle of links.
    return undefined;
  }
}
