/**
 * Deletions in a volume; see `Volume.remove`. A directory goes as a whole if all that is in it is to go,
 * and is as it was seen; otherwise path by path, and what still holds something stays.
 */
import { parentsOf, type Seen } from "../core/entry.ts";
import { together } from "../files/together.ts";
import { TarWriter } from "../transfer/tar_write.ts";
import { listBelow } from "./list_volume.ts";
import type { Volume } from "./volume.ts";

/** Requests at a time: the engine starts a process for each. */
const AT_ONCE = 4;

/** What is to be removed. */
export interface Removal {
  readonly remove: readonly string[];
  /** Deepest first. */
  readonly removeDirs: readonly string[];
  readonly remoteSeen: (path: string) => Seen | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Returns the paths that are gone. Throws `AgentError`. */
export async function removePaths(volume: Volume, work: Removal): Promise<string[]> {
  const gone = new Set<string>();
  const dirs = new Set(work.removeDirs);
  for (const top of work.removeDirs) {
    const isInside = [...parentsOf(top)].some((parent) => dirs.has(parent));
    if (!isInside) await removeWhole(volume, top, work, gone);
  }
  const left = (path: string) => !gone.has(path);
  await together(work.remove.filter(left), async (path) => {
    if (await removeOne(volume, path, false, work.signal)) gone.add(path);
  }, AT_ONCE);
  for (const path of work.removeDirs.filter(left)) {
    const inside = await listBelow(volume, path, work.signal);
    if (inside === undefined) gone.add(path);
    else if (inside.size === 1 && await removeOne(volume, path, true, work.signal)) gone.add(path);
  }
  return [...gone];
}

async function removeWhole(volume: Volume, top: string, work: Removal, gone: Set<string>) {
  const inside = await listBelow(volume, top, work.signal);
  const going = new Set([...work.remove, ...work.removeDirs]);
  for (const { path, letter, stamp } of inside?.values() ?? []) {
    if (!going.has(path)) return;
    if (letter !== "d" && work.remoteSeen(path)?.stamp !== stamp) return;
  }
  if (!await removeOne(volume, top, true, work.signal)) return;
  for (const path of going) if (path === top || path.startsWith(`${top}/`)) gone.add(path);
}

/** Whether it is gone now. */
async function removeOne(
  volume: Volume,
  path: string,
  isDir: boolean,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  signal?.throwIfAborted();
  await volume.remove(
    async (to) => {
      const archive = new TarWriter(to);
      await archive.selfLink(path);
      await archive.end();
    },
    isDir,
    signal,
  );
  return !await volume.has(path, signal);
}
