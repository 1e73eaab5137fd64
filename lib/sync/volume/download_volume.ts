/**
 * From a volume to here. A few files are asked for one by one; many come as the archive of the directory
 * that holds them all, of which the rest is read past.
 */
import { ByteReader } from "../byte_reader.ts";
import { parentOf } from "../core/entry.ts";
import type { FileSink } from "../transfer/file_sink.ts";
import { TarReader } from "../transfer/tar_read.ts";
import { pathIn } from "./list_volume.ts";
import type { ReadBody, Volume } from "./volume.ts";

/** A request of its own for each file up to so many. */
const FEW = 8;

/** Fetches files; those that are gone do not arrive. Throws `AgentError`, or what `sink` threw. */
export async function downloadVolume(
  volume: Volume,
  paths: readonly string[],
  sink: FileSink,
  signal: AbortSignal | undefined,
): Promise<void> {
  const wanted = new Set(paths);
  const fetch = (top: string) =>
    volume.read(top, (read) => take(read, top, wanted, sink, signal), signal);
  if (paths.length > FEW) await fetch(commonParent(paths));
  // In an archive a further name of a file is only a link; asked for by itself it is a file.
  for (const path of [...wanted]) {
    signal?.throwIfAborted();
    await fetch(path);
  }
}

async function take(
  read: ReadBody,
  top: string,
  wanted: Set<string>,
  sink: FileSink,
  signal: AbortSignal | undefined,
): Promise<true> {
  const archive = new TarReader(new ByteReader({ read }));
  for (let entry = await archive.next(); entry !== null; entry = await archive.next()) {
    signal?.throwIfAborted();
    const path = pathIn(top, entry.name);
    if (entry.kind !== "file" || !wanted.delete(path)) continue;
    await sink(path, entry, () => archive.data());
  }
  return true;
}

/** The deepest directory that holds all of them; empty for the root. */
export function commonParent(paths: readonly string[]): string {
  const [first = "", ...others] = paths;
  let common = parentOf(first);
  for (const path of others) {
    while (common !== "" && !path.startsWith(`${common}/`)) common = parentOf(common);
  }
  return common;
}
