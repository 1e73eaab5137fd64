/**
 * `host-exec/copy`: puts a file on this machine. It is written beside its place, brought to the disk
 * and renamed, so that nobody ever sees a part of it; what is broken off leaves nothing.
 */
import { join } from "node:path";
import { errorCode, messageOf } from "../errors.ts";
import { HttpParseError } from "../http/parse_error.ts";
import type { Body } from "../http/message.ts";
import { ReplyError } from "../docker/error_reply.ts";
import { checkStillWithin, type CopyPlace, copyPlace, pinPlace } from "./copy_path.ts";
import type { Exchange, Handler } from "./exchange.ts";
import { type GuestLimits, Places } from "./limits.ts";
import { setMode } from "./pinned.ts";
import { refuse, type Reply } from "./reply.ts";

/** What copies need. */
export interface CopiesOptions {
  readonly limits: GuestLimits;
  /** Only below these. */
  readonly roots: readonly string[];
}

const DEFAULT_MODE = 0o644;
/** Begins the name of a file under way. */
export const PARTIAL_PREFIX = ".rda-copy-";

/** The copies of one guest. */
export function copies({ limits, roots }: CopiesOptions): Handler {
  const places = new Places(limits.maxCopies, "places for copies");
  return async (exchange) => {
    const query = new URLSearchParams(exchange.head.target.split("?", 2)[1] ?? "");
    const path = query.get("path") ?? "";
    const mode = readMode(query.get("mode"));
    exchange.note({ path });
    const unpack = unpacks(exchange);
    const { length } = exchange;
    if (typeof length === "number" && length > limits.maxCopyBytes) throw tooLarge(limits);
    const place = await copyPlace(path, roots);
    const leave = places.take();
    if (leave === undefined) throw refuse(503, places.refusal);
    try {
      const size = await receive(exchange, { path, place, mode, unpack, limits, roots });
      return { status: 200, body: { path, size } } satisfies Reply;
    } catch (error) {
      throw explain(error, path);
    } finally {
      leave();
    }
  };
}

interface Copy {
  /** As it was asked for. */
  readonly path: string;
  readonly place: CopyPlace;
  readonly mode: number | undefined;
  readonly unpack: boolean;
  readonly limits: GuestLimits;
  readonly roots: readonly string[];
}

async function receive(exchange: Exchange, copy: Copy): Promise<number> {
  await using directory = await pinPlace(copy.place, copy.roots);
  const target = join(directory.path, copy.place.name);
  await checkFree(target, copy.path);
  const partial = join(directory.path, `${PARTIAL_PREFIX}${crypto.randomUUID()}`);
  let made = false;
  try {
    using file = await Deno.open(partial, { write: true, createNew: true, mode: 0o600 });
    made = true;
    await checkStillWithin(partial, copy.roots);
    const size = await write(await exchange.body(), file, copy, exchange.stopped);
    await setMode(partial, copy.mode ?? await modeOf(target));
    await file.sync();
    await Deno.rename(partial, target);
    made = false;
    await directory.sync();
    return size;
  } finally {
    if (made) await Deno.remove(partial).catch(() => {/* Its directory is gone. */});
  }
}

async function write(
  body: Body,
  file: Deno.FsFile,
  { unpack, limits }: Copy,
  stopped: AbortSignal,
): Promise<number> {
  const plain = payloadOf(body);
  const content = unpack ? plain.pipeThrough(new DecompressionStream("gzip")) : plain;
  let size = 0;
  for await (const chunk of content) {
    if (stopped.aborted) throw refuse(503, "the guest is ending");
    size += chunk.length;
    if (size > limits.maxCopyBytes) throw tooLarge(limits);
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
  }
  return size;
}

function payloadOf(body: Body): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const piece = await body.read();
      if (piece === null) return controller.close();
      // A piece without payload, such as a line between chunks, must still make progress.
      for (const data of piece.data) controller.enqueue(data as Uint8Array<ArrayBuffer>);
      if (piece.data.length === 0) controller.enqueue(new Uint8Array(0));
    },
  }, { highWaterMark: 0 });
}

/** Of the file that is replaced, or the usual one. */
async function modeOf(path: string): Promise<number> {
  try {
    const { mode, isFile } = await Deno.lstat(path);
    return isFile && mode !== null ? mode & 0o777 : DEFAULT_MODE;
  } catch {
    return DEFAULT_MODE;
  }
}

async function checkFree(target: string, path: string): Promise<void> {
  const found = await Deno.lstat(target).catch(() => undefined);
  if (found?.isDirectory) throw refuse(400, `open ${path}: is a directory`);
}

function readMode(text: string | null): number | undefined {
  if (text === null) return undefined;
  // No set-user-id: the file may be the guest's own.
  if (/^0?[0-7]{3}$/.test(text)) return parseInt(text, 8);
  throw refuse(400, '"mode" is not three octal digits');
}

function unpacks({ head, length }: Exchange): boolean {
  if (length === "none") throw refuse(411, "the request has neither Content-Length nor chunks");
  const coding = (head.headers.get("Content-Encoding") ?? "identity").trim().toLowerCase();
  if (coding === "gzip" || coding === "x-gzip") return true;
  if (coding === "identity") return false;
  throw refuse(415, "Content-Encoding may be gzip");
}

function tooLarge({ maxCopyBytes }: GuestLimits): ReplyError {
  return refuse(413, `the file is larger than ${maxCopyBytes} bytes`);
}

/** A failure of this machine, in the words of Go's `os` package. */
function explain(error: unknown, path: string): unknown {
  if (error instanceof ReplyError || error instanceof HttpParseError) return error;
  if (error instanceof TypeError) {
    return refuse(400, `cannot unpack the body: ${messageOf(error)}`, error);
  }
  const code = errorCode(error);
  if (error instanceof Deno.errors.PermissionDenied) {
    return refuse(403, `open ${path}: permission denied`, error);
  }
  if (code === "ENOSPC" || code === "EDQUOT") {
    return refuse(507, `write ${path}: no space left on device`, error);
  }
  if (code === "EROFS") return refuse(403, `open ${path}: read-only file system`, error);
  return error;
}
