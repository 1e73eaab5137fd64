/**
 * Reads a tar archive from a stream, entry by entry: ustar, pax records and GNU's long names and
 * base-256 numbers, which is what GNU tar and busybox write.
 */
import type { ByteReader } from "../byte_reader.ts";

const BLOCK = 512;
/** Names, links and pax records are far shorter. */
const MAX_META_BYTES = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
const decoder = new TextDecoder();

/** One entry as read. `kind` `other`: a device or something unknown; `mtime` is in seconds. */
export interface TarEntry {
  readonly name: string;
  readonly kind: "dir" | "file" | "link" | "hardlink" | "other";
  readonly mode: number;
  readonly mtime: number;
  readonly size: number;
  readonly link: string;
}

const KINDS: ReadonlyMap<string, TarEntry["kind"]> = new Map([
  ["5", "dir"],
  ["2", "link"],
  ["1", "hardlink"],
]);

/** What a header of its own says about the entry that follows. */
interface Long {
  readonly name?: string;
  readonly link?: string;
  readonly size?: number;
  readonly mtime?: number;
}

/** See the file comment. Throws an `Error` if the archive is cut short or is none. */
export class TarReader {
  readonly #from: ByteReader;
  #left = 0;
  #padding = 0;

  constructor(from: ByteReader) {
    this.#from = from;
  }

  /** The next entry, past what is left of the one before; `null` at the end of the archive. */
  async next(): Promise<TarEntry | null> {
    await this.#skip();
    let long: Long = {};
    for (;;) {
      const block = await this.#exactly(BLOCK);
      if (block.every((byte) => byte === 0)) return null;
      checkSum(block);
      const type = String.fromCharCode(block[156] ?? 0);
      const size = long.size ?? numberAt(block, 124, 12);
      if ("xgLK".includes(type)) {
        const meta = await this.#meta(numberAt(block, 124, 12));
        if (type === "x") long = { ...long, ...paxValues(meta) };
        else if (type === "L") long = { ...long, name: cString(meta) };
        else if (type === "K") long = { ...long, link: cString(meta) };
        continue;
      }
      const kind = isFile(type) ? "file" : KINDS.get(type) ?? "other";
      this.#left = kind === "file" ? size : 0;
      this.#padding = (BLOCK - this.#left % BLOCK) % BLOCK;
      return {
        name: long.name ?? ustarName(block),
        kind,
        mode: numberAt(block, 100, 8) & 0o777,
        mtime: long.mtime ?? numberAt(block, 136, 12),
        size: this.#left,
        link: long.link ?? cString(block.subarray(157, 257)),
      };
    }
  }

  /** The next bytes of the current file, `null` when it is complete. Valid until the next call. */
  async data(): Promise<Uint8Array | null> {
    if (this.#left === 0) return null;
    const part = await this.#from.some(Math.min(this.#left, CHUNK_BYTES));
    if (part === null) throw cutShort();
    this.#left -= part.length;
    return part;
  }

  async #skip(): Promise<void> {
    while (await this.data() !== null);
    if (this.#padding > 0) await this.#exactly(this.#padding);
    this.#padding = 0;
  }

  async #meta(size: number): Promise<Uint8Array> {
    if (size > MAX_META_BYTES) throw new Error("The archive has a name that is too long");
    const meta = await this.#exactly(size);
    await this.#exactly((BLOCK - size % BLOCK) % BLOCK);
    return meta;
  }

  async #exactly(count: number): Promise<Uint8Array> {
    const bytes = await this.#from.exactly(count);
    if (bytes === null) throw cutShort();
    return bytes;
  }
}

function cutShort(): Error {
  const error = new Error("The archive is cut short");
  error.name = "UnexpectedEof";
  return error;
}

function isFile(type: string): boolean {
  return type === "0" || type === "\0" || type === "7";
}

function ustarName(block: Uint8Array): string {
  const prefix = decoder.decode(block.subarray(257, 263)) === "ustar\0"
    ? cString(block.subarray(345, 500))
    : "";
  const name = cString(block.subarray(0, 100));
  return prefix === "" ? name : `${prefix}/${name}`;
}

function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Octal text, or GNU's base-256 when the first bit is set. */
function numberAt(block: Uint8Array, at: number, length: number): number {
  const field = block.subarray(at, at + length);
  const first = field[0] ?? 0;
  if (first < 0x80) return parseInt(cString(field).trim() || "0", 8);
  return field.subarray(1).reduce((value, byte) => value * 256 + byte, first & 0x7f);
}

function checkSum(block: Uint8Array): void {
  const stored = numberAt(block, 148, 8);
  const sum = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  if (sum !== stored) throw new Error("The archive is damaged");
}

function paxValues(meta: Uint8Array): Long {
  const values: { -readonly [key in keyof Long]: Long[key] } = {};
  for (let at = 0; at < meta.length;) {
    const blank = meta.indexOf(32, at);
    const length = Number(decoder.decode(meta.subarray(at, blank)));
    if (blank < 0 || !(length > blank - at)) throw new Error("The archive has a bad pax record");
    const record = decoder.decode(meta.subarray(blank + 1, at + length - 1));
    const equals = record.indexOf("=");
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)];
    if (key === "path") values.name = value;
    else if (key === "linkpath") values.link = value;
    else if (key === "size") values.size = Number(value);
    else if (key === "mtime") values.mtime = Number(value);
    at += length;
  }
  return values;
}
