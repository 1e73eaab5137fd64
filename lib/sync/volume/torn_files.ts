/**
 * What an upload into a volume leaves when it is cut off: the engine writes where a file belongs, so one
 * may be there in part. Before a batch goes, the stamps of what it replaces are marked in the index. What
 * is found otherwise than it was under a mark is nobody's change: it is no reason to change this side.
 */
import { createHash } from "node:crypto";
import type { Entry } from "../core/entry.ts";
import { localPath } from "../core/path_map.ts";
import type { Put } from "../core/plan.ts";
import type { LocalTree } from "../local/tree.ts";
import type { RemoteView } from "../remote/scan.ts";
import type { AgreedIndex } from "../state.ts";

/** Begins no stamp. */
const MARK = "~";
const PIECE_BYTES = 256 * 1024;

/** Notes on disk that these paths are about to be written. */
export function markWriting(index: AgreedIndex, puts: readonly Put[]): void {
  for (const { path } of puts) {
    const agreed = index.entries.get(path);
    if (agreed === undefined || agreed.remoteStamp.startsWith(MARK)) continue;
    index.set(path, { ...agreed, remoteStamp: MARK + agreed.remoteStamp });
  }
  index.save();
}

/** Forgets what was agreed on where a marked path is not as it was before. */
export function settleMarks(index: AgreedIndex, { seen }: Pick<RemoteView, "seen">): void {
  for (const [path, { remoteStamp }] of [...index.entries]) {
    if (!remoteStamp.startsWith(MARK)) continue;
    if (seen.get(path)?.stamp !== remoteStamp.slice(MARK.length)) index.set(path, undefined);
  }
}

/** Whether a remote file is no more than the beginning of the local one, which then holds all of it. */
export async function isBeginning(
  tree: LocalTree,
  path: string,
  { kind, size, content }: Entry,
): Promise<boolean> {
  if (kind !== "file" || content === undefined) return false;
  try {
    using file = await Deno.open(localPath(tree.root, path, tree.platform));
    const hash = createHash("sha256");
    for (let left = size; left > 0;) {
      const bytes = new Uint8Array(Math.min(left, PIECE_BYTES));
      const count = await file.read(bytes);
      if (count === null) return false;
      hash.update(bytes.subarray(0, count));
      left -= count;
    }
    return hash.digest("hex") === content;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
