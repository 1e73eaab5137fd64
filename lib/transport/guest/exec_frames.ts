/**
 * The frames of a command that runs over an upgraded stream (`X-Exec-Stream: framed-v1`,
 * docs/protocol.md), for both ends. A frame has Docker's header: a byte of type, three zero bytes,
 * and the length of the payload as 32 bits, big-endian.
 */
import type { Duplex } from "../../net/duplex.ts";
import { concat } from "../../system/bytes.ts";

/** The header by which framing is asked for and granted, and its value. */
export const FRAMED_HEADER = "X-Exec-Stream";
export const FRAMED_V1 = "framed-v1";

/** Types of frames; `stdin`, `resize` and `signal` go to the server, the others come from it. */
export const FRAME = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  exit: 3,
  resize: 4,
  signal: 5,
} as const;
export type FrameType = typeof FRAME[keyof typeof FRAME];

/** Bytes of a payload; a sender splits what is longer, a receiver refuses it. */
export const MAX_FRAME_BYTES = 64 * 1024;
const HEADER_BYTES = 8;
const HIGHEST_TYPE = 5;

/** One frame; `payload` may be a view of what was read. */
export interface Frame {
  readonly type: FrameType;
  readonly payload: Uint8Array;
}

/** The peer sent something that is no frame; `message` says what, for the log and the peer. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** How a command ended, as the payload of the `exit` frame says it. */
export type ExitReport =
  | { readonly code: number }
  /** Such as `SIGKILL`. */
  | { readonly signal: string }
  /** Why nobody can tell. */
  | { readonly error: string };

/** A terminal's size, as the payload of a `resize` frame says it. */
export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** Of a terminal, either way; what the kernel keeps is 16 bits. */
const MAX_SIDE = 65_535;

/** Reads frames off `duplex`, which stays its owner's. */
export class FrameReader {
  readonly #duplex: Duplex;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
  }

  /**
   * The next frame, or `null` when the peer has ended its direction between two frames. Throws
   * {@link FrameError}, also for an end within a frame, or what the stream throws.
   */
  async next(): Promise<Frame | null> {
    if (!await this.#fill(HEADER_BYTES)) {
      if (this.#rest.length === 0) return null;
      throw new FrameError("The stream ended within a frame");
    }
    const { type, length } = readHeader(this.#rest);
    if (!await this.#fill(HEADER_BYTES + length)) {
      throw new FrameError("The stream ended within a frame");
    }
    const payload = this.#rest.subarray(HEADER_BYTES, HEADER_BYTES + length);
    this.#rest = this.#rest.subarray(HEADER_BYTES + length);
    return { type, payload };
  }

  /** Whether `count` bytes are there, which are read until then. Copies only what is cut in two. */
  async #fill(count: number): Promise<boolean> {
    if (this.#rest.length >= count) return true;
    const pieces = [this.#rest];
    let length = this.#rest.length;
    while (length < count) {
      const chunk = await this.#duplex.read();
      if (chunk === null) break;
      pieces.push(chunk);
      length += chunk.length;
    }
    this.#rest = concat(pieces);
    return length >= count;
  }
}

function readHeader(bytes: Uint8Array): { type: FrameType; length: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const word = view.getUint32(0);
  const type = word >>> 24;
  const length = view.getUint32(4);
  if ((word & 0xffffff) !== 0 || !isFrameType(type)) {
    throw new FrameError(`Unknown frame type ${type}`);
  }
  if (length > MAX_FRAME_BYTES) {
    throw new FrameError(`A frame of ${length} bytes is longer than ${MAX_FRAME_BYTES}`);
  }
  return { type, length };
}

function isFrameType(type: number): type is FrameType {
  return type <= HIGHEST_TYPE;
}

/** Writes frames to `duplex`, which stays its owner's. Several may write at the same time. */
export class FrameWriter {
  readonly #duplex: Duplex;
  #last: Promise<void> = Promise.resolve();

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
  }

  /**
   * Sends `payload`, in as many frames as it takes (one, if it is empty); settles when the stream can
   * take more. Frames of one call may be parted by those of others.
   */
  async write(type: FrameType, payload: Uint8Array): Promise<void> {
    let at = 0;
    do {
      await this.#send(encodeFrame(type, payload.subarray(at, at + MAX_FRAME_BYTES)));
      at += MAX_FRAME_BYTES;
    } while (at < payload.length);
  }

  /** Sends `value` as JSON. */
  writeJson(type: FrameType, value: ExitReport | TerminalSize | { signal: string }): Promise<void> {
    return this.write(type, new TextEncoder().encode(JSON.stringify(value)));
  }

  /** One at a time, as a Duplex wants it; a failed write fails the later ones by itself. */
  #send(frame: Uint8Array): Promise<void> {
    const sent = this.#last.then(() => this.#duplex.write(frame));
    this.#last = sent.catch(() => {/* Told to whoever wrote it. */});
    return sent;
  }
}

/** One frame as bytes; `payload` has at most {@link MAX_FRAME_BYTES}. */
export function encodeFrame(type: FrameType, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  frame[0] = type;
  new DataView(frame.buffer).setUint32(4, payload.length);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

/** Reads the payload of an `exit` frame. Throws {@link FrameError}. */
export function parseExit(payload: Uint8Array): ExitReport {
  const { code, signal, error } = parseObject(payload);
  if (typeof code === "number" && Number.isInteger(code)) return { code };
  if (typeof signal === "string") return { signal };
  if (typeof error === "string") return { error };
  throw new FrameError("An exit frame says nothing");
}

/** Reads the payload of a `resize` frame, or that part of a request. Throws {@link FrameError}. */
export function parseSize(value: unknown): TerminalSize {
  const { cols, rows } = typeof value === "object" && value !== null
    ? value as Record<string, unknown>
    : {};
  if (isSide(cols) && isSide(rows)) return { cols, rows };
  throw new FrameError(`A terminal has cols and rows, from 0 to ${MAX_SIDE}`);
}

function isSide(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_SIDE;
}

/** The JSON object in a payload. Throws {@link FrameError}. */
export function parseObject(payload: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(payload));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (cause) {
    throw new FrameError("The payload of a frame is not JSON", { cause });
  }
  throw new FrameError("The payload of a frame is not an object");
}
