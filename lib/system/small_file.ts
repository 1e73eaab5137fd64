/**
 * Files that a user has named, read within a bound: ordinary ones, devices such as `/dev/null`, and pipes
 * such as those of `<(command)`, which are waited for, but not for ever.
 */
import { concat } from "./bytes.ts";
import { systemReason } from "./system_reason.ts";

/** Why a file cannot be read: the message is for people and follows a colon. */
export class UnreadableFile extends Error {
  override readonly name = "UnreadableFile";

  /** Whether there is nothing of that name. */
  get isMissing(): boolean {
    return this.cause instanceof Deno.errors.NotFound;
  }
}

/** How long a pipe may take until its end. */
const PIPE_WAIT_MS = 10_000;
const PIECE_BYTES = 16 * 1024;

/** The whole file as text, as far as it is UTF-8. Throws {@link UnreadableFile}. */
export async function readSmallText(path: string, maxBytes: number): Promise<string> {
  const bytes = await readBeginning(path, maxBytes + 1);
  if (bytes.length > maxBytes) throw new UnreadableFile(`it is larger than ${maxBytes} bytes`);
  return new TextDecoder().decode(bytes);
}

/**
 * Up to `limit` bytes from the beginning of a file; a pipe may take `pipeWaitMs` until its end. Throws
 * {@link UnreadableFile}.
 */
export async function readBeginning(
  path: string,
  limit: number,
  pipeWaitMs = PIPE_WAIT_MS,
): Promise<Uint8Array> {
  try {
    const { isDirectory, isSocket, isFifo } = await Deno.stat(path);
    if (isDirectory) throw new UnreadableFile("it is a directory");
    if (isSocket) throw new UnreadableFile("it is a socket");
    return isFifo ? await inTime(readUpTo(path, limit), pipeWaitMs) : await readUpTo(path, limit);
  } catch (cause) {
    if (cause instanceof UnreadableFile) throw cause;
    const isMissing = cause instanceof Deno.errors.NotFound;
    throw new UnreadableFile(isMissing ? "no such file" : systemReason(cause), { cause });
  }
}

/** Takes memory for what is there, not for what there may be. */
async function readUpTo(path: string, limit: number): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const pieces: Uint8Array[] = [];
  for (let left = limit; left > 0;) {
    const piece = new Uint8Array(Math.min(left, PIECE_BYTES));
    const count = await file.read(piece);
    if (count === null) break;
    pieces.push(piece.subarray(0, count));
    left -= count;
  }
  return concat(pieces);
}

/** What still reads then ends with the program. */
async function inTime<T>(reading: Promise<T>, waitMs: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = new UnreadableFile(`it is a pipe that nobody has filled within ${waitMs / 1000} s`);
  const timer = setTimeout(() => reject(late), waitMs);
  try {
    return await Promise.race([reading, promise]);
  } finally {
    clearTimeout(timer);
    reading.catch(() => {}); // nobody waits for it any more
  }
}
