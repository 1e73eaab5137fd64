/**
 * From here into a volume: one archive per batch, unpacked by the engine where it belongs. There is no
 * place beside the tree from which it could be moved in, so who reads a file in that moment may find it
 * incomplete; and what an upload that is cut off has written is compared again by the next look.
 */
import { lastingStamp } from "../core/entry.ts";
import type { Put } from "../core/plan.ts";
import type { LocalTree } from "../local/tree.ts";
import type { RemoteRoot } from "../remote/root.ts";
import { dirStamp } from "../remote/stamp.ts";
import { TarWriter } from "../transfer/tar_write.ts";
import { nothingDone, type PutState, type Upload, type Uploaded } from "../transfer/upload_work.ts";
import { isAsExpected } from "./expected_paths.ts";
import { removePaths } from "./remove_volume_paths.ts";
import { sendToVolume, type SentState } from "./send_to_volume.ts";
import type { Volume } from "./volume.ts";
import { volumeStamp } from "./volume_stamp.ts";

/** See the file comment. Throws `AgentError`; the volume may then have part of the batch. */
export async function uploadVolume(
  volume: Volume,
  root: RemoteRoot,
  tree: LocalTree,
  work: Upload,
): Promise<Uploaded> {
  const { signal } = work;
  await work.before?.();
  signal?.throwIfAborted();
  if (!await isAsExpected(volume, work)) return nothingDone([]);
  const removed = await removePaths(volume, work);
  const gone = new Set(removed);
  const isInTheWay = new Set(
    [...work.remove, ...work.removeDirs].filter((path) => !gone.has(path)),
  );
  const puts = work.puts.filter(({ path }) => !isInTheWay.has(path));
  const sent = new Map<string, SentState>();
  if (puts.length > 0) {
    await volume.write(async (to) => {
      const archive = new TarWriter(to);
      for (const put of puts) {
        signal?.throwIfAborted();
        const state = await sendToVolume(archive, tree, root, put, work);
        if (state !== undefined) sent.set(put.path, state);
      }
      await archive.end();
    }, signal);
  }
  const complaints = [...isInTheWay].map((path) => `${path}: it cannot be removed`);
  return { put: outcome(puts, sent, work), removed, left: [], stale: false, complaints };
}

function outcome(
  puts: readonly Put[],
  sent: ReadonlyMap<string, SentState>,
  { localSeen }: Upload,
): Uploaded["put"] {
  const put = new Map<string, PutState>();
  for (const { path, entry } of puts) {
    const state = sent.get(path);
    if (state === undefined) continue;
    const { content, isTorn } = state;
    const remoteStamp = entry.kind === "dir" ? dirStamp(state.mode) : volumeStamp(state);
    const localStamp = isTorn ? "" : lastingStamp(localSeen(path));
    put.set(path, { content, localStamp, remoteStamp, ...(isTorn && { again: isTorn }) });
  }
  return put;
}
