/** One entry of an upload, as it goes into the archive. */
import type { Seen } from "../core/entry.ts";
import type { Put } from "../core/plan.ts";
import { type ContentSink, type LocalTree, look, readContent, readWhole } from "../local/tree.ts";
import type { RemoteRoot } from "../remote/root.ts";
import { openMode } from "../remote/stamp.ts";
import type { LargeHashes } from "./large_hashes.ts";
import { type DataRange, dataRanges, sparseEntry, withinRanges } from "./sparse.ts";
import { SMALL_ENTRY_BYTES, type TarHeader, type TarWriter } from "./tar_write.ts";

/** Returns the content as it is recorded, or nothing if the file has changed since it was seen. */
export async function sendEntry(
  writer: TarWriter,
  tree: LocalTree,
  root: RemoteRoot,
  { path, entry }: Put,
  { seen, onBytes, hashes }: {
    seen: Seen | undefined;
    onBytes?: ((count: number) => void) | undefined;
    hashes?: LargeHashes | undefined;
  },
): Promise<string | undefined> {
  const { kind } = entry;
  const mode = root.isOpen ? openMode(entry.mode, kind) : entry.mode;
  const name = `t/${path}`;
  if (kind === "dir") {
    await writer.entry({ name, kind, mode, mtime: Date.now() / 1000, size: 0 });
    return "";
  }
  if (seen === undefined) return undefined;
  const mtime = Number(seen.stamp.split(" ")[2]) / 1000;
  if (kind === "link") {
    const link = entry.content ?? "";
    await writer.entry({ name, kind, mode: 0o777, mtime, size: 0, link });
    return link;
  }
  return await sendFile(writer, tree, { name, kind, mode, mtime, size: entry.size }, path, {
    stamp: seen.stamp,
    onBytes,
    hashes,
  });
}

async function sendFile(
  writer: TarWriter,
  tree: LocalTree,
  header: TarHeader,
  path: string,
  { stamp, onBytes, hashes }: {
    stamp: string;
    onBytes: ((count: number) => void) | undefined;
    hashes: LargeHashes | undefined;
  },
): Promise<string | undefined> {
  if (header.size <= SMALL_ENTRY_BYTES) {
    const content = await sendSmall(writer, header, (into) => readWhole(tree, path, stamp, into));
    onBytes?.(header.size);
    return content;
  }
  // Looked at before the header goes out: what has vanished or changed does not travel at all.
  const now = look(tree, path, undefined);
  if (now === undefined || "reason" in now || now.stamp !== stamp) return undefined;
  const ranges = await dataRanges(tree, path);
  const sparse = ranges && sparseEntry(header, ranges);
  const total = sparse?.header.size ?? header.size;
  await writer.entry(sparse?.header ?? header);
  if (sparse !== undefined) await writer.data(sparse.map, total);
  let sent = sparse?.map.length ?? 0;
  const onSent = (read: number, written: number) => {
    sent += written;
    onBytes?.(read);
  };
  const sink = ranges === undefined
    ? wholeSink(writer, total, onSent)
    : rangesSink(writer, total, ranges, onSent);
  const hash = hashes?.of(path, header.size, stamp);
  const content = await readContent(tree, path, stamp, { ...sink, hash });
  await fillUp(writer, total, sent);
  return content;
}

/** A file that fits into the writer's own buffer: it is read there, and goes only if it could be. */
async function sendSmall(
  writer: TarWriter,
  header: TarHeader,
  read: (into: Uint8Array) => string | undefined,
): Promise<string | undefined> {
  let content: string | undefined;
  await writer.small(header, (into) => {
    content = read(into);
    return content !== undefined;
  });
  return content;
}

/** The header has promised `total` bytes. What is missing is unpacked and thrown away. */
async function fillUp(writer: TarWriter, total: number, sent: number): Promise<void> {
  for (let left = total - sent; left > 0;) {
    const filler = new Uint8Array(Math.min(left, 64 * 1024));
    await writer.data(filler, total);
    left -= filler.length;
  }
}

/** How many bytes of the file were read, and how many of them go into the archive. */
type OnSent = (read: number, written: number) => void;

/** The file is read into the archive. */
function wholeSink(writer: TarWriter, total: number, onSent: OnSent): ContentSink {
  return {
    room: () => writer.room(),
    take: async ({ length }) => {
      await writer.filled(length, total);
      onSent(length, length);
    },
  };
}

function rangesSink(
  writer: TarWriter,
  total: number,
  ranges: readonly DataRange[],
  onSent: OnSent,
): ContentSink {
  let at = 0;
  return {
    take: async (bytes) => {
      let written = 0;
      for (const part of withinRanges(bytes, at, ranges)) {
        await writer.data(part, total);
        written += part.length;
      }
      at += bytes.length;
      onSent(bytes.length, written);
    },
  };
}
