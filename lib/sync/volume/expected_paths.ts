/**
 * Whether what an upload replaces or removes is as it was seen, right before: a container may have
 * written since. Few paths are asked for one by one, many are compared with a listing.
 */
import { parentsOf, type Seen } from "../core/entry.ts";
import { together } from "../files/together.ts";
import { stampParts } from "../remote/stamp.ts";
import type { Upload } from "../transfer/upload_work.ts";
import { commonParent } from "./download_volume.ts";
import { listBelow } from "./list_volume.ts";
import type { Volume } from "./volume.ts";

const FEW = 16;
const AT_ONCE = 4;
/** Files up to this size are compared by their content: times are told in whole seconds only. */
const SMALL_BYTES = 256 * 1024;

/** See the file comment. Throws `AgentError`. */
export async function isAsExpected(volume: Volume, work: Upload): Promise<boolean> {
  const touched = new Set([...work.remove, ...work.puts.map(({ path }) => path)]);
  const isDir = (path: string) => work.remoteSeen(path)?.entry.kind === "dir";
  const paths = [...touched].filter((path) => !isDir(path));
  // A link in the place of a directory would lead elsewhere.
  const parents = new Set([...touched].flatMap((path) => [...parentsOf(path)]));
  const { signal } = work;
  const isMany = paths.length + parents.size > FEW;
  const top = isMany ? commonParent(paths) : undefined;
  let same = true;
  await together([...parents].filter((path) => !isWithin(path, top)), async (path) => {
    const found = same ? await volume.state(path, signal) : undefined;
    if (found !== undefined && found.kind !== "dir" && !touched.has(path)) same = false;
  }, AT_ONCE);
  if (top !== undefined) return same && await isAsListed(volume, top, paths, parents, work);
  await together(paths, async (path) => {
    if (same && !await isSame(volume, path, work.remoteSeen(path), signal)) same = false;
  }, AT_ONCE);
  return same;
}

function isWithin(path: string, top: string | undefined): boolean {
  return top !== undefined && (top === "" || path.startsWith(`${top}/`));
}

async function isAsListed(
  volume: Volume,
  top: string,
  paths: readonly string[],
  parents: ReadonlySet<string>,
  { remoteSeen, signal }: Upload,
): Promise<boolean> {
  const listed = await listBelow(volume, top, signal);
  const touched = new Set(paths);
  for (const path of parents) {
    const found = listed?.get(path);
    if (found !== undefined && found.letter !== "d" && !touched.has(path)) return false;
  }
  return paths.every((path) => listed?.get(path)?.stamp === remoteSeen(path)?.stamp);
}

async function isSame(
  volume: Volume,
  path: string,
  seen: Seen | undefined,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const found = await volume.state(path, signal);
  if (found === undefined || seen === undefined) return found === seen;
  if (found.kind !== seen.entry.kind) return false;
  if (found.kind === "link" || found.size <= SMALL_BYTES) {
    return (await listBelow(volume, path, signal))?.get(path)?.stamp === seen.stamp;
  }
  const { size, mtime, mode } = stampParts(seen.stamp);
  return found.size === size && found.mtime === mtime && found.mode === mode;
}
