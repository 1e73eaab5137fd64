/**
 * From the remote host to here over SFTP. Small files are read whole, several at a time, and do not
 * arrive if they have changed meanwhile; large ones are read as they are written here, and differ from
 * their stamp at the next look.
 */
import { isMissing, RemoteFileError, type RemoteReader } from "../../transport/remote_files.ts";
import type { FileSink } from "../transfer/file_sink.ts";
import { contentHash } from "../transfer/content_hash.ts";
import type { FilesRoot } from "./files_root.ts";
import { stateAt, stateOf } from "./file_stamp.ts";
import { together } from "./together.ts";

const SMALL_BYTES = 512 * 1024;
/** Small files that are read at a time. */
const AT_ONCE = 12;

/** Fetches files; those that are gone or may not be read do not arrive. Throws like `download`. */
export async function downloadFiles(
  root: FilesRoot,
  paths: readonly string[],
  sink: FileSink,
  signal?: AbortSignal,
): Promise<void> {
  // One file at a time goes on to the sink.
  let turn: Promise<void> = Promise.resolve();
  const inTurn = (step: () => Promise<void>): Promise<void> => {
    const mine = turn.then(step);
    turn = mine.catch(() => {}); // told to whoever waits for `mine`
    return mine;
  };
  await together(paths, async (path) => {
    signal?.throwIfAborted();
    const reader = await open(root, path);
    if (reader === undefined) return;
    try {
      const { size, mode, mtime } = reader.info;
      const entry = { ...HEADER, name: path, mode, mtime, size };
      if (size > SMALL_BYTES) {
        await inTurn(() => sink(path, entry, exactly(reader, signal)));
        return;
      }
      const chunks = await whole(reader);
      if (!await isStill(root, path, reader)) return;
      await inTurn(() => sink(path, entry, () => Promise.resolve(chunks.shift() ?? null)));
    } finally {
      await reader.close();
    }
  }, AT_ONCE);
}

const HEADER = { kind: "file", link: "" } as const;

/** SHA-256 (hex) of files; a path that cannot be read, or changes meanwhile, has none. */
export async function hashFiles(
  root: FilesRoot,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  await together(paths, async (path) => {
    signal?.throwIfAborted();
    const reader = await open(root, path);
    if (reader === undefined) return;
    try {
      const hash = contentHash();
      for (let chunk = await reader.next(); chunk !== null; chunk = await reader.next()) {
        hash.add(chunk);
        signal?.throwIfAborted();
      }
      if (await isStill(root, path, reader)) found.set(path, hash.end());
    } finally {
      await reader.close();
    }
  }, AT_ONCE);
  return found;
}

/** Only what is a file where its path says, reached through no symlink. */
async function open(
  { files, path: top }: FilesRoot,
  path: string,
): Promise<RemoteReader | undefined> {
  const absolute = `${top}/${path}`;
  const parent = absolute.slice(0, absolute.lastIndexOf("/"));
  try {
    const [info, real] = await Promise.all([files.lstat(absolute), files.realpath(parent)]);
    if (info.kind !== "file" || real !== parent) return undefined;
    const reader = await files.read(absolute);
    if (stateOf(reader.info).stamp === stateOf(info).stamp) return reader;
    await reader.close();
    return undefined;
  } catch (error) {
    const isDenied = error instanceof RemoteFileError && error.fault === "denied";
    if (isDenied || isMissing(error)) return undefined;
    throw error;
  }
}

async function isStill({ files, path: top }: FilesRoot, path: string, { info }: RemoteReader) {
  return (await stateAt(files, `${top}/${path}`))?.stamp === stateOf(info).stamp;
}

async function whole(reader: RemoteReader): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await reader.next(); chunk !== null; chunk = await reader.next()) {
    chunks.push(chunk);
  }
  return chunks;
}

/** As many bytes as the file had, as an archive would have them; zeros where it has become shorter. */
function exactly(reader: RemoteReader, signal: AbortSignal | undefined) {
  let left = reader.info.size;
  return async (): Promise<Uint8Array | null> => {
    signal?.throwIfAborted();
    if (left === 0) return null;
    const chunk = await reader.next() ?? new Uint8Array(Math.min(left, SMALL_BYTES));
    left -= chunk.length;
    return chunk;
  };
}
