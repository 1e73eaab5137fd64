/**
 * Writes a tar archive (POSIX.1-2001: ustar headers, pax records where those do not suffice) to a
 * stream, by way of a buffer: small entries travel together, so that the stream sees few writes. While
 * one buffer is being written, the next is filled; with a stream that gives them back, there are two.
 */
import type { Duplex } from "../../net/duplex.ts";

const BLOCK = 512;
const BUFFER_BYTES = 256 * 1024;
/** Files up to this size are put into the buffer by {@link TarWriter.small}. */
export const SMALL_ENTRY_BYTES = 128 * 1024;
/** The largest size that the eleven octal digits of ustar hold. */
const MAX_OCTAL_SIZE = 0o77777777777;
const BLANK = 32;
const ZERO = 48;
const CHECKSUM_AT = 148;
const encoder = new TextEncoder();

/** One header. Names are as they come; `mtime` is seconds since the epoch. */
export interface TarHeader {
  readonly name: string;
  readonly kind: "dir" | "file" | "link";
  readonly mode: number;
  readonly mtime: number;
  readonly size: number;
  readonly link?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Further pax records. */
  readonly records?: Readonly<Record<string, string>>;
}

/** See the file comment. Does not close the stream. */
export class TarWriter {
  readonly #to: Pick<Duplex, "write" | "givesBack">;
  #buffer = new Uint8Array(BUFFER_BYTES);
  #used = 0;
  #left = 0;
  #writing: Promise<void> = Promise.resolve();
  /** The one that is being written, if it comes back. */
  #written: Uint8Array<ArrayBuffer> | undefined;

  constructor(to: Pick<Duplex, "write" | "givesBack">) {
    this.#to = to;
  }

  /** Begins an entry; a file's `size` bytes follow by {@link data}. */
  async entry(header: TarHeader): Promise<void> {
    if (this.#left !== 0) throw new Error("The entry before is not complete");
    await this.#described(header, TYPES[header.kind]);
    this.#left = header.kind === "file" ? header.size : 0;
  }

  /** The next bytes of the current file; padding follows its last one. */
  async data(chunk: Uint8Array, size: number): Promise<void> {
    if (chunk.length > this.#left) throw new Error("More data than the header says");
    await this.#raw(chunk);
    await this.#passed(chunk.length, size);
  }

  /** Where the next bytes of the current file may be put, for {@link filled}; never empty. */
  async room(): Promise<Uint8Array> {
    if (this.#used === BUFFER_BYTES) await this.#flush();
    return this.#buffer.subarray(this.#used, this.#used + this.#left);
  }

  /** So many bytes have been put into the {@link room}. Like {@link data}. */
  async filled(count: number, size: number): Promise<void> {
    this.#used += count;
    await this.#passed(count, size);
  }

  async #passed(count: number, size: number): Promise<void> {
    this.#left -= count;
    if (this.#left === 0) await this.#pad(size);
  }

  /** A whole small file. */
  async file(name: string, content: Uint8Array): Promise<void> {
    const size = content.length;
    await this.entry({ name, kind: "file", mode: 0o600, mtime: 0, size });
    if (size > 0) await this.data(content, size);
  }

  /** A hard link to itself, which nobody can make. */
  async selfLink(name: string): Promise<void> {
    const header = { name, link: name, kind: "link", mode: 0, mtime: 0, size: 0 } as const;
    await this.#described(header, "1");
  }

  /**
   * A file of at most {@link SMALL_ENTRY_BYTES} that `fill` writes to where it belongs. If it returns
   * false, nothing of the entry is written. Returns what `fill` did.
   */
  async small(header: TarHeader, fill: (into: Uint8Array) => boolean): Promise<boolean> {
    const { size } = header;
    if (size > SMALL_ENTRY_BYTES) throw new Error("The file is not small");
    if (this.#left !== 0) throw new Error("The entry before is not complete");
    const records = paxRecords(header);
    const meta = records === undefined ? 0 : BLOCK + padded(records.length);
    const total = meta + BLOCK + padded(size);
    if (this.#used + total > BUFFER_BYTES) await this.#flush();
    const entry = this.#buffer.subarray(this.#used, this.#used + total);
    if (!fill(entry.subarray(meta + BLOCK, meta + BLOCK + size))) return false;
    if (records !== undefined) {
      writeHeader(entry, { ...header, name: "pax", size: records.length }, "x");
      entry.set(records, BLOCK);
      entry.fill(0, BLOCK + records.length, meta);
    }
    writeHeader(entry.subarray(meta, meta + BLOCK), header, TYPES.file);
    entry.fill(0, meta + BLOCK + size);
    this.#used += total;
    return true;
  }

  /** Ends the archive; settles when the stream has taken all of it. */
  async end(): Promise<void> {
    await this.#raw(new Uint8Array(2 * BLOCK));
    await this.#flush();
    await this.#writing;
  }

  async #described(header: TarHeader, type: string): Promise<void> {
    const records = paxRecords(header);
    if (records !== undefined) {
      await this.#block({ ...header, name: "pax", size: records.length }, "x");
      await this.#raw(records);
      await this.#pad(records.length);
    }
    await this.#block(header, type);
  }

  async #block(header: TarHeader, type: string): Promise<void> {
    if (this.#used + BLOCK > BUFFER_BYTES) await this.#flush();
    writeHeader(this.#buffer.subarray(this.#used, this.#used + BLOCK), header, type);
    this.#used += BLOCK;
  }

  async #pad(size: number): Promise<void> {
    const rest = padded(size) - size;
    if (rest !== 0) await this.#raw(new Uint8Array(rest));
  }

  async #raw(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + BUFFER_BYTES - this.#used);
      this.#buffer.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
      if (this.#used === BUFFER_BYTES) await this.#flush();
    }
  }

  /** Settles when the stream has taken what came before; then its buffer is filled next. */
  async #flush(): Promise<void> {
    if (this.#used === 0) return;
    await this.#writing;
    const next = this.#written ?? new Uint8Array(BUFFER_BYTES);
    if (this.#to.givesBack) this.#written = this.#buffer;
    this.#writing = this.#to.write(this.#buffer.subarray(0, this.#used));
    // The next call sees the failure; until then it is nobody's.
    this.#writing.catch(() => {});
    this.#buffer = next;
    this.#used = 0;
  }
}

const TYPES = { dir: "5", file: "0", link: "2" } as const;

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

/** Writes one block; what was in it before does not matter. */
function writeHeader(block: Uint8Array, header: TarHeader, type: string): void {
  block.fill(0, 0, BLOCK);
  const text = (at: number, length: number, value: string) =>
    encoder.encodeInto(value, block.subarray(at, at + length));
  text(0, 100, header.name);
  octal(block, 100, 7, header.mode & 0o7777);
  octal(block, 108, 7, Math.min(header.uid ?? 0, 0o7777777));
  octal(block, 116, 7, Math.min(header.gid ?? 0, 0o7777777));
  octal(block, 124, 11, type === "0" || type === "x" ? Math.min(header.size, MAX_OCTAL_SIZE) : 0);
  octal(block, 136, 11, Math.max(0, Math.min(Math.floor(header.mtime), MAX_OCTAL_SIZE)));
  block.fill(BLANK, CHECKSUM_AT, CHECKSUM_AT + 8);
  text(156, 1, type);
  if (header.link !== undefined) text(157, 100, header.link);
  text(257, 8, "ustar\u000000");
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += block[i] ?? 0;
  octal(block, CHECKSUM_AT, 6, sum);
  block[CHECKSUM_AT + 6] = 0;
}

function octal(block: Uint8Array, at: number, digits: number, value: number): void {
  let left = value;
  for (let i = at + digits - 1; i >= at; i--) {
    block[i] = ZERO + left % 8;
    left = Math.floor(left / 8);
  }
}

/** Nothing where the header of ustar says it all. */
function paxRecords(
  { name, link, size, mtime, records: further = {} }: TarHeader,
): Uint8Array | undefined {
  const records: string[] = [];
  if (isLong(name)) records.push(paxRecord("path", name));
  if (link !== undefined && isLong(link)) records.push(paxRecord("linkpath", link));
  if (size > MAX_OCTAL_SIZE) records.push(paxRecord("size", String(size)));
  if (mtime < 0 || mtime > MAX_OCTAL_SIZE) records.push(paxRecord("mtime", mtime.toFixed(3)));
  for (const [key, value] of Object.entries(further)) records.push(paxRecord(key, value));
  return records.length === 0 ? undefined : encoder.encode(records.join(""));
}

/** Whether it has more than 100 bytes; a character has at most three for each unit of UTF-16. */
function isLong(text: string): boolean {
  return 3 * text.length > 100 && encoder.encode(text).length > 100;
}

/** `LENGTH KEY=VALUE\n`, the length counting itself. */
function paxRecord(key: string, value: string): string {
  const rest = encoder.encode(` ${key}=${value}\n`).length;
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}
