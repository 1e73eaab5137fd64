/**
 * Large remote files of which this machine has something already: an older version, or what a download
 * that was cut off has left beside its place. Only what differs travels.
 */
import { shellQuote } from "../../transport/posix_shell.ts";
import type { Shell } from "../../transport/transport.ts";
import type { Entry, Seen } from "../core/entry.ts";
import { localPath } from "../core/path_map.ts";
import { type Applied, isInPlace, partialBeside, placeFetched } from "../local/apply.ts";
import { type LocalTree, statOrNothing } from "../local/tree.ts";
import type { RemoteRoot } from "../remote/root.ts";
import { askScript } from "../remote/shell.ts";
import { keyOf, LARGE, LARGE_FILE_BYTES, LINK } from "../transfer/large_keep.ts";
import { fetchByRsync } from "../transfer/rsync.ts";

/** One file to be fetched. */
export interface LargeFile {
  readonly path: string;
  readonly entry: Entry;
  /** What is at the path here. */
  readonly seen: Seen | undefined;
  /** Seconds since the epoch. */
  readonly mtime: number;
  readonly onBytes: (count: number) => void;
}

/**
 * Returns what became of it, or `"whole"` if it has to be fetched as a whole; an undefined result means
 * that the local side has changed. Throws `AgentError` if the connection is lost.
 */
export async function fetchLarge(
  shell: Shell,
  root: RemoteRoot,
  tree: LocalTree,
  file: LargeFile,
  signal: AbortSignal,
): Promise<{ applied: Applied | undefined; size: number } | "whole"> {
  const { path, entry, seen } = file;
  if (entry.size < LARGE_FILE_BYTES || !root.facts.rsync || tree.platform === "windows") {
    return "whole";
  }
  if (!isInPlace(tree, path)) return "whole";
  const partial = partialBeside(tree, root.staging, path);
  if (statOrNothing(partial) === undefined) {
    if (seen?.entry.kind !== "file" || seen.entry.size < LARGE_FILE_BYTES) return "whole";
    if (!await copied(localPath(tree.root, path, tree.platform), partial)) return "whole";
  }
  Deno.chmodSync(partial, 0o600);
  // A name without anything that a shell or rsync could take for something else.
  const [directory, name] = [`${root.staging}/${LARGE}`, `${keyOf(path)}${LINK}`];
  const link = `mkdir -p ${shellQuote(directory)} && cd ${shellQuote(directory)} && ` +
    `ln -sfn ${shellQuote(`${root.path}/${path}`)} ${name}`;
  if ((await askScript(shell, link, signal)).code !== 0) return "whole";
  const { onBytes } = file;
  const isDone = await fetchByRsync(shell, { local: partial, directory, name, onBytes, signal });
  signal.throwIfAborted();
  await askScript(shell, `rm -f ${shellQuote(`${directory}/${name}`)}`, signal);
  if (!isDone) {
    // The disk may be full; what takes up the room is in the way then.
    Deno.removeSync(partial);
    return "whole";
  }
  return await placeFetched(tree, path, partial, file);
}

async function copied(from: string, to: string): Promise<boolean> {
  try {
    await Deno.copyFile(from, to);
    return true;
  } catch {
    // No room, or it has vanished: without a basis the file comes as a whole.
    await Deno.remove(to).catch(() => {});
    return false;
  }
}
