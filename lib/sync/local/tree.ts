/**
 * One directory tree of this machine: what is at a path, and its content. Reads only. The calls are
 * synchronous where they are short: for a small file that is ten times cheaper than a round trip
 * through the thread pool.
 */
import { createHash } from "node:crypto";
import type { Agreed, Seen } from "../core/entry.ts";
import { contentHash } from "../transfer/content_hash.ts";
import { targetElsewhere } from "./link.ts";
import { localPath } from "../core/path_map.ts";

/** A file may change again within the same tick of the clock and look the same. */
const TICK_MS = 50;
/** FAT has even seconds, HFS+ and old ext file systems whole ones. */
const COARSE_TICK_MS = 2_000;
/** Read at a time: as long as a disk takes for it, nothing else goes on. */
const READ_BYTES = 256 * 1024;
const SLICE_MS = 8;

/** Something that is there but takes no part, and why. */
export interface Unsyncable {
  readonly reason: string;
}

/** The root and how its platform differs. The owner only holds it; there is nothing to close. */
export interface LocalTree {
  readonly root: string;
  readonly platform: typeof Deno.build.os;
}

/** What {@link stampOf} reads: the same of a path and of an open file. */
export function stampOf(info: Deno.FileInfo): string {
  const time = (date: Date | null) => date?.getTime() ?? 0;
  // Joined: a template would be a tree of its parts, several times the size, for as long as it lives.
  return [info.ino ?? 0, info.size, time(info.mtime), time(info.ctime), info.mode ?? 0].join(" ");
}

/** What is at `path`: nothing, something to sync, or something else. Throws on I/O errors. */
export function look(
  tree: LocalTree,
  path: string,
  agreedMode: number | undefined,
): Seen | Unsyncable | undefined {
  const info = statOrNothing(localPath(tree.root, path, tree.platform));
  return info === undefined ? undefined : seenAs(tree, path, info, agreedMode);
}

/** Like {@link look}, for one whose state is known. `info` is of the path itself, not of a target. */
export function seenAs(
  tree: LocalTree,
  path: string,
  info: Deno.FileInfo,
  agreedMode: number | undefined,
): Seen | Unsyncable {
  const mode = modeOf(info, agreedMode);
  const stamp = stampOf(info);
  if (info.isDirectory) {
    return { entry: { kind: "dir", mode, size: 0, content: "" }, stamp: `d${mode.toString(8)}` };
  }
  if (info.isSymlink) {
    const target = Deno.readLinkSync(localPath(tree.root, path, tree.platform));
    const content = targetElsewhere(target, path, tree.root, tree.platform);
    return { entry: { kind: "link", mode: 0, size: 0, content }, stamp };
  }
  if (!info.isFile) return { reason: specialKind(info) };
  const racy = (info.mtime?.getTime() ?? 0) > Date.now() - tickOf(info);
  return { entry: { kind: "file", mode, size: info.size }, stamp, ...(racy && { racy }) };
}

/** How long a file may look the same, in milliseconds: some file systems count whole seconds. */
export function tickOf({ mtime, ctime }: Pick<Deno.FileInfo, "mtime" | "ctime">): number {
  const isWhole = (date: Date | null) => date === null || date.getTime() % 1000 === 0;
  return isWhole(mtime) && isWhole(ctime) ? COARSE_TICK_MS : TICK_MS;
}

/** Whether what is at a path has the stamp it had when it was agreed on. */
export function hasStamp(info: Deno.FileInfo, { entry, localStamp }: Agreed): boolean {
  if (info.isDirectory) {
    return entry.kind === "dir" && localStamp === `d${modeOf(info, entry.mode).toString(8)}`;
  }
  const kind = info.isSymlink ? "link" : "file";
  return (info.isFile || info.isSymlink) && entry.kind === kind && localStamp === stampOf(info);
}

/** Windows has no permissions to speak of: what was agreed stays. */
function modeOf(info: Deno.FileInfo, agreed: number | undefined): number {
  if (info.mode !== null && Deno.build.os !== "windows") return info.mode & 0o777;
  return agreed ?? (info.isDirectory ? 0o755 : 0o644);
}

function specialKind(info: Deno.FileInfo): string {
  if (info.isSocket === true) return "it is a socket";
  if (info.isFifo === true) return "it is a pipe";
  return "it is a device";
}

/** The state of a path itself, or nothing if there is nothing. Throws on other errors. */
export function statOrNothing(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}

/** What makes the hash of a content. */
export interface ContentHash {
  /** The next bytes. */
  add(chunk: Uint8Array): void;
  /** The SHA-256 (hex), or nothing if it was of another state of the file. */
  end(): string | Promise<string | undefined>;
}

/** Where the content of a file goes as it is read. */
export interface ContentSink {
  /** Where the next bytes are to be put; never empty. Default: a new buffer. */
  readonly room?: () => Promise<Uint8Array>;
  /** The next bytes, at the beginning of that room. */
  readonly take: (bytes: Uint8Array) => Promise<void>;
  /** Default: made of the bytes as they are read. */
  readonly hash?: ContentHash | undefined;
}

/**
 * Reads a file piece by piece and returns its SHA-256 (hex). Nothing is returned if the file is not, or
 * does not stay, the one of `stamp`: it will be looked at again. Throws on I/O errors other than that it
 * is gone.
 */
export async function readContent(
  tree: LocalTree,
  path: string,
  stamp: string,
  { room = newRoom, take, hash = contentHash() }: ContentSink = hashOnly(),
): Promise<string | undefined> {
  const file = openOrNothing(localPath(tree.root, path, tree.platform));
  if (file === undefined) return undefined;
  try {
    const info = file.statSync();
    const { size } = info;
    if (stampOf(info) !== stamp) return undefined;
    for (let left = size; left > 0;) {
      const into = (await room()).subarray(0, left);
      const count = file.readSync(into);
      if (count === null) return undefined;
      const bytes = into.subarray(0, count);
      hash.add(bytes);
      await take(bytes);
      left -= count;
    }
    const content = await hash.end();
    return stampOf(file.statSync()) === stamp ? content : undefined;
  } finally {
    file.close();
  }
}

function newRoom(): Promise<Uint8Array> {
  return Promise.resolve(new Uint8Array(READ_BYTES));
}

/** Nothing waits for a stream here, so other work is given its turn. */
function hashOnly(): ContentSink {
  const buffer = new Uint8Array(READ_BYTES);
  let sliceEnd = performance.now() + SLICE_MS;
  return {
    room: () => Promise.resolve(buffer),
    take: async () => {
      if (performance.now() < sliceEnd) return;
      await new Promise((resolve) => setTimeout(resolve, 0));
      sliceEnd = performance.now() + SLICE_MS;
    },
  };
}

/**
 * Reads a file as a whole into `into`, which has its size. Returns its SHA-256 (hex), or nothing like
 * {@link readContent}.
 */
export function readWhole(
  tree: LocalTree,
  path: string,
  stamp: string,
  into: Uint8Array,
): string | undefined {
  const file = openOrNothing(localPath(tree.root, path, tree.platform));
  if (file === undefined) return undefined;
  try {
    for (let at = 0; at < into.length;) {
      const count = file.readSync(into.subarray(at));
      if (count === null) return undefined;
      at += count;
    }
    // Looked at after reading: nothing has changed since the stamp was taken.
    if (stampOf(file.statSync()) !== stamp) return undefined;
    return createHash("sha256").update(into).digest("hex");
  } finally {
    file.close();
  }
}

function openOrNothing(path: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
