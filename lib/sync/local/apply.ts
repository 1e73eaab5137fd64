/**
 * Changes to the local tree. Each first makes sure that what it replaces is still what the decision was
 * made about; a file appears under its name only when it is complete.
 */
import { AgentError } from "../../errors.ts";
import { isHeld, removeFileSync, replaceFileSync } from "../../system/replace_file.ts";
import { type Entry, lastingStamp, parentOf, type Seen } from "../core/entry.ts";
import { temporaryName } from "../core/ignore.ts";
import { basename, dirname } from "node:path";
import { LinkLost, targetHere } from "./link.ts";
import { type LocalTree, look, readContent, stampOf, statOrNothing } from "./tree.ts";
import { withoutPaths } from "./system_words.ts";
import { localPath } from "../core/path_map.ts";
import { contentHash } from "../transfer/content_hash.ts";

/** Pieces of zeros at least this long are skipped: a block that nobody writes is a hole. */
const HOLE_BYTES = 4 * 1024;

/** What became of one change: a stamp, or nothing if the local side has changed meanwhile. */
export interface Applied {
  readonly content: string;
  readonly localStamp: string;
}

/** Whether what is at `path` is (still) what was seen there. */
function isUnchanged(tree: LocalTree, path: string, seen: Seen | undefined): boolean {
  const now = look(tree, path, seen?.entry.mode);
  if (now === undefined || seen === undefined) return now === seen;
  return !("reason" in now) && now.stamp === seen.stamp;
}

/** Removes a file or link. Returns whether it is gone. */
export function removeLocal(tree: LocalTree, path: string, seen: Seen | undefined): boolean {
  if (!isInPlace(tree, path) || !isUnchanged(tree, path, seen)) return false;
  removeFileSync(localPath(tree.root, path, tree.platform));
  return true;
}

/** Removes a directory if it is empty. Returns whether it is gone. */
export function removeLocalDir(tree: LocalTree, path: string): boolean {
  if (!isInPlace(tree, path)) return false;
  try {
    Deno.removeSync(localPath(tree.root, path, tree.platform));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    // It holds something that was ignored, or has come since.
    return false;
  }
}

/** Makes a directory or gives it its mode. */
export function putLocalDir(tree: LocalTree, path: string, entry: Entry): Applied | undefined {
  if (!isInPlace(tree, path)) return undefined;
  const target = localPath(tree.root, path, tree.platform);
  const now = look(tree, path, entry.mode);
  if (now === undefined) Deno.mkdirSync(target, { mode: entry.mode | 0o700 });
  else if ("reason" in now || now.entry.kind !== "dir") return undefined;
  setMode(target, entry.mode);
  return stamped(tree, path, entry, "");
}

/** Makes a symlink, in place of what was seen. `type` is what Windows wants to know of its target. */
export function putLocalLink(
  tree: LocalTree,
  path: string,
  entry: Entry,
  seen: Seen | undefined,
  type: "dir" | "file",
): Applied | undefined {
  if (!isInPlace(tree, path)) return undefined;
  const content = entry.content ?? "";
  const temporary = temporaryBeside(tree, path);
  Deno.symlinkSync(targetHere(content, tree.platform), temporary, { type });
  if (statOrNothing(temporary) === undefined) throw new LinkLost();
  return moveIntoPlace(tree, path, temporary, entry, seen, content);
}

/** Options of {@link putLocalFile}. */
export interface IncomingFile {
  readonly entry: Entry;
  /** What is at the path now. */
  readonly seen: Seen | undefined;
  /** Seconds since the epoch. */
  readonly mtime: number;
  /** What the archive says about it; the data has this many bytes. */
  readonly size: number;
  /** Where to leave what has come of it if the connection is lost; see {@link partialBeside}. */
  readonly partial?: string | undefined;
  readonly data: () => Promise<Uint8Array | null>;
}

/** Writes a file beside its place and moves it there, in place of what was seen. */
export async function putLocalFile(
  tree: LocalTree,
  path: string,
  file: IncomingFile,
): Promise<Applied | undefined> {
  if (!isInPlace(tree, path)) return undefined;
  const temporary = temporaryBeside(tree, path);
  try {
    const content = await writeWhole(temporary, file.size, file.data);
    setMode(temporary, file.entry.mode);
    Deno.utimeSync(temporary, file.mtime, file.mtime);
    const entry = { ...file.entry, size: file.size };
    return moveIntoPlace(tree, path, temporary, entry, file.seen, content);
  } catch (error) {
    const failure = writeError(localPath(tree.root, path, tree.platform), error);
    if (file.partial === undefined || failure !== error) removeQuietly(temporary);
    else replaceFileSync(temporary, file.partial);
    throw failure;
  }
}

/** Where what has come of a large file waits for the next attempt; one place for each session. */
export function partialBeside(tree: LocalTree, session: string, path: string): string {
  const name = temporaryName(`${session}\0${path}`);
  const parent = parentOf(path);
  return localPath(tree.root, parent === "" ? name : `${parent}/${name}`, tree.platform);
}

/** Moves a file that is complete to its place, in place of what was seen. */
export async function placeFetched(
  tree: LocalTree,
  path: string,
  partial: string,
  file: Pick<IncomingFile, "entry" | "seen" | "mtime">,
): Promise<{ applied: Applied | undefined; size: number }> {
  setMode(partial, file.entry.mode);
  Deno.utimeSync(partial, file.mtime, file.mtime);
  const stamp = stampOf(Deno.lstatSync(partial));
  const content = await readContent({ ...tree, root: dirname(partial) }, basename(partial), stamp);
  if (content === undefined) return { applied: undefined, size: 0 };
  const { size } = Deno.lstatSync(partial);
  const entry = { ...file.entry, size };
  return { size, applied: moveIntoPlace(tree, path, partial, entry, file.seen, content) };
}

/** Writes all of `data` to a new file and returns its SHA-256 (hex). */
export async function writeWhole(
  path: string,
  size: number,
  data: () => Promise<Uint8Array | null>,
): Promise<string> {
  using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
  const hash = contentHash();
  let hole = false;
  for (let chunk = await data(); chunk !== null; chunk = await data()) {
    hash.add(chunk);
    hole = chunk.length >= HOLE_BYTES && isZeros(chunk);
    if (hole) file.seekSync(chunk.length, Deno.SeekMode.Current);
    else for (let at = 0; at < chunk.length;) at += file.writeSync(chunk.subarray(at));
  }
  if (hole) file.truncateSync(size);
  return hash.end();
}

/** Four bytes at a time: most of a sparse file comes through here. */
function isZeros(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0 || bytes.at(-1) !== 0) return false;
  const head = (4 - bytes.byteOffset % 4) % 4;
  const count = Math.floor((bytes.length - head) / 4);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + head, count);
  for (let i = 0; i < count; i++) if (words[i] !== 0) return false;
  const tail = bytes.subarray(head + 4 * count);
  return bytes.subarray(0, head).every(isZero) && tail.every(isZero);
}

function isZero(byte: number): boolean {
  return byte === 0;
}

function moveIntoPlace(
  tree: LocalTree,
  path: string,
  temporary: string,
  entry: Entry,
  seen: Seen | undefined,
  content: string,
): Applied | undefined {
  const before = Deno.lstatSync(temporary);
  // From here to the rename nothing is awaited: nobody of ours comes between.
  if (!isUnchanged(tree, path, seen)) {
    removeQuietly(temporary);
    return undefined;
  }
  replaceFileSync(temporary, localPath(tree.root, path, tree.platform));
  const applied = stamped(tree, path, entry, content);
  const after = Deno.lstatSync(localPath(tree.root, path, tree.platform));
  const same = after.ino === before.ino && after.size === before.size &&
    after.mtime?.getTime() === before.mtime?.getTime();
  return same ? applied : { content, localStamp: "" };
}

function stamped(tree: LocalTree, path: string, entry: Entry, content: string): Applied {
  const now = look(tree, path, entry.mode);
  const usable = now !== undefined && !("reason" in now) && now.entry.kind === entry.kind;
  return { content, localStamp: usable ? lastingStamp(now) : "" };
}

/** Whether the directory of `path` is where its path says, reached through no symlink. */
export function isInPlace(tree: LocalTree, path: string): boolean {
  const parent = parentOf(path);
  try {
    const real = Deno.realPathSync(localPath(tree.root, parent, tree.platform));
    return real === localPath(Deno.realPathSync(tree.root), parent, tree.platform);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function temporaryBeside(tree: LocalTree, path: string): string {
  const parent = parentOf(path);
  const name = temporaryName();
  return localPath(tree.root, parent === "" ? name : `${parent}/${name}`, tree.platform);
}

function setMode(path: string, mode: number): void {
  if (Deno.build.os !== "windows") Deno.chmodSync(path, mode);
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was not made, or is gone.
  }
}

/** Whether only this path cannot be written: it is not ours, or in use. */
export class NotWritable extends AgentError {}

function writeError(path: string, error: unknown): unknown {
  if (error instanceof AgentError || !(error instanceof Error)) return error;
  if (/No space left|os error 28|os error 112|ENOSPC/i.test(error.message)) {
    return new AgentError("engine", `Cannot write "${path}": the disk of this machine is full`, {
      cause: error,
      hint: "free some space; what is on the remote host stays there",
    });
  }
  if (!isHeld(error)) return error;
  return new NotWritable("engine", `Cannot write "${path}": ${withoutPaths(error)}`, {
    cause: error,
  });
}
