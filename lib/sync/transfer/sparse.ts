/**
 * Files with holes, such as disk images: only their data travels, as GNU tar's sparse entries (pax
 * format, version 1.0), and they have holes on the other side as well.
 */
import { localPath } from "../core/path_map.ts";
import { type LocalTree, statOrNothing } from "../local/tree.ts";
import type { TarHeader } from "./tar_write.ts";

/** A file that occupies less than this share of its size is looked into. */
const SPARSE_SHARE = 0.75;
/** For smaller files it is not worth reading them twice. */
const LEAST_BYTES = 1024 * 1024;
/** What is zero in pieces of this size, at multiples of it, is a hole. */
const PIECE_BYTES = 64 * 1024;
const PIECES_READ = 64;
const MAX_RANGES = 100_000;
const DISK_BLOCK = 512;
const TAR_BLOCK = 512;

/** A part of a file that is no hole, in bytes. */
export interface DataRange {
  readonly at: number;
  readonly length: number;
}

/** Whether a file has holes that are worth the trouble, as far as its file system tells. */
function isSparse(info: Deno.FileInfo): boolean {
  return info.size >= LEAST_BYTES && info.blocks !== null &&
    info.blocks * DISK_BLOCK < info.size * SPARSE_SHARE;
}

/** The data of a sparse file; nothing if it is not sparse, or its holes are too many. */
export async function dataRanges(
  tree: LocalTree,
  path: string,
): Promise<readonly DataRange[] | undefined> {
  const local = localPath(tree.root, path, tree.platform);
  const info = statOrNothing(local);
  if (info === undefined || !isSparse(info)) return undefined;
  using file = await Deno.open(local, { read: true });
  const ranges: { at: number; length: number }[] = [];
  const buffer = new Uint8Array(PIECE_BYTES * PIECES_READ);
  for (let at = 0; at < info.size;) {
    const count = await readFull(file, buffer);
    if (count === 0) return undefined;
    for (let piece = 0; piece < count; piece += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, count - piece);
      if (isZero(buffer.subarray(piece, piece + length))) continue;
      const last = ranges.at(-1);
      if (last !== undefined && last.at + last.length === at + piece) last.length += length;
      else ranges.push({ at: at + piece, length });
    }
    if (ranges.length > MAX_RANGES) return undefined;
    at += count;
  }
  return ranges;
}

async function readFull(file: Deno.FsFile, into: Uint8Array): Promise<number> {
  let at = 0;
  while (at < into.length) {
    const count = await file.read(into.subarray(at));
    if (count === null) break;
    at += count;
  }
  return at;
}

function isZero(bytes: Uint8Array): boolean {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
  return bytes.subarray(words.length << 2).every((byte) => byte === 0);
}

/** The header of a sparse entry, and the map its data begins with. */
export function sparseEntry(
  header: TarHeader,
  ranges: readonly DataRange[],
): { header: TarHeader; map: Uint8Array } {
  const numbers = [ranges.length, ...ranges.flatMap(({ at, length }) => [at, length])];
  // A range of nothing at the end gives the file its size.
  numbers[0] = ranges.length + 1;
  numbers.push(header.size, 0);
  const text = new TextEncoder().encode(numbers.map((number) => `${number}\n`).join(""));
  const map = new Uint8Array(Math.ceil(text.length / TAR_BLOCK) * TAR_BLOCK);
  map.set(text);
  const size = ranges.reduce((sum, { length }) => sum + length, map.length);
  return {
    map,
    header: {
      ...header,
      name: "GNUSparseFile.0/file",
      size,
      records: {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": header.name,
        "GNU.sparse.realsize": String(header.size),
      },
    },
  };
}

/** The parts of `chunk`, which is at `at` in the file, that are in the ranges; call it in order. */
export function* withinRanges(
  chunk: Uint8Array,
  at: number,
  ranges: readonly DataRange[],
): Generator<Uint8Array> {
  for (const range of ranges) {
    const from = Math.max(range.at, at);
    const to = Math.min(range.at + range.length, at + chunk.length);
    if (from < to) yield chunk.subarray(from - at, to - at);
    if (range.at >= at + chunk.length) return;
  }
}
