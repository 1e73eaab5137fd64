/**
 * Writes a tar archive (POSIX.1-2001: ustar headers, pax records where those do not suffice) to a
 * stream, holding one buffer: small entries travel together, so that the stream sees few writes.
 */
import type { Duplex } from "../../net/duplex.ts";

const BLOCK = 512;
const BUFFER_BYTES = 256 * 1024;
/** The largest size that the eleven octal digits of ustar hold. */
const MAX_OCTAL_SIZE = 0o77777777777;
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
}

/** See the file comment. Does not close the stream. */
export class TarWriter {
  readonly #to: Pick<Duplex, "write">;
  #buffer = new Uint8Array(BUFFER_BYTES);
  #used = 0;
  #left = 0;

  constructor(to: Pick<Duplex, "write">) {
    this.#to = to;
  }

  /** Begins an entry; a file's `size` bytes follow by {@link data}. */
  async entry(header: TarHeader): Promise<void> {
    if (this.#left !== 0) throw new Error("The entry before is not complete");
    const records = paxRecords(header);
    if (records.length > 0) {
      await this.#raw(headerBlock({ ...header, name: "pax", size: records.length }, "x"));
      await this.#raw(records);
      await this.#pad(records.length);
    }
    const type = { dir: "5", file: "0", link: "2" }[header.kind];
    await this.#raw(headerBlock(header, type));
    this.#left = header.kind === "file" ? header.size : 0;
  }

  /** The next bytes of the current file; padding follows its last one. */
  async data(chunk: Uint8Array, size: number): Promise<void> {
    if (chunk.length > this.#left) throw new Error("More data than the header says");
    await this.#raw(chunk);
    this.#left -= chunk.length;
    if (this.#left === 0) await this.#pad(size);
  }

  /** A whole small file. */
  async file(name: string, content: Uint8Array): Promise<void> {
    const size = content.length;
    await this.entry({ name, kind: "file", mode: 0o600, mtime: 0, size });
    if (size > 0) await this.data(content, size);
  }

  /** Ends the archive. */
  async end(): Promise<void> {
    await this.#raw(new Uint8Array(2 * BLOCK));
    await this.#flush();
  }

  async #pad(size: number): Promise<void> {
    const rest = size % BLOCK;
    if (rest !== 0) await this.#raw(new Uint8Array(BLOCK - rest));
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

  async #flush(): Promise<void> {
    if (this.#used === 0) return;
    const full = this.#buffer.subarray(0, this.#used);
    // What is written belongs to the stream.
    this.#buffer = new Uint8Array(BUFFER_BYTES);
    this.#used = 0;
    await this.#to.write(full);
  }
}

function headerBlock(header: TarHeader, type: string): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const text = (at: number, length: number, value: string) =>
    encoder.encodeInto(value, block.subarray(at, at + length));
  const octal = (at: number, length: number, value: number) =>
    text(at, length, Math.floor(value).toString(8).padStart(length - 1, "0"));
  const size = type === "0" || type === "x" ? header.size : 0;
  text(0, 100, header.name);
  octal(100, 8, header.mode & 0o7777);
  octal(108, 8, Math.min(header.uid ?? 0, 0o7777777));
  octal(116, 8, Math.min(header.gid ?? 0, 0o7777777));
  octal(124, 12, Math.min(size, MAX_OCTAL_SIZE));
  octal(136, 12, Math.max(0, Math.min(header.mtime, MAX_OCTAL_SIZE)));
  text(148, 8, "        ");
  text(156, 1, type);
  text(157, 100, header.link ?? "");
  text(257, 8, "ustar\u000000");
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(148, 8, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

function paxRecords({ name, link, size, mtime }: TarHeader): Uint8Array {
  const records: string[] = [];
  if (encoder.encode(name).length > 100) records.push(paxRecord("path", name));
  if (link !== undefined && encoder.encode(link).length > 100) {
    records.push(paxRecord("linkpath", link));
  }
  if (size > MAX_OCTAL_SIZE) records.push(paxRecord("size", String(size)));
  if (mtime < 0 || mtime > MAX_OCTAL_SIZE) records.push(paxRecord("mtime", mtime.toFixed(3)));
  return encoder.encode(records.join(""));
}

/** `LENGTH KEY=VALUE\n`, the length counting itself. */
function paxRecord(key: string, value: string): string {
  const rest = encoder.encode(` ${key}=${value}\n`).length;
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}
