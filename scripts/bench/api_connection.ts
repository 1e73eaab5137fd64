/**
 * A minimal HTTP/1.1 client for the Engine API over one {@link ByteStream}, the same for every
 * peer. It trusts the engine's framing (Content-Length or chunked) and does no more than the
 * measurements need: one request at a time, bodies kept or counted, and the upgrade to a raw
 * stream. It owns the stream it was given.
 */
import type { ByteStream } from "./byte_stream.ts";

/** The engine's header and chunk-size lines stay far below this. */
const MAX_LINE_BYTES = 16_384;
/** Bodies that are kept (not streamed) are small JSON documents. */
const MAX_KEPT_BODY_BYTES = 4 * 1024 * 1024;
const READ_BYTES = 65_536;
const LINE_FEED = 10;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A response whose body was read to its end. */
export interface ApiResponse {
  status: number;
  body: string;
}

/** Takes the pieces of a body as they come; awaited, so that a slow sink is a slow reader. */
export type Sink = (piece: Uint8Array) => Promise<void> | void;

interface Head {
  status: number;
  length: number;
  chunked: boolean;
}

/** See the file comment. */
export class ApiConnection {
  readonly #stream: ByteStream;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #pending: Uint8Array = new Uint8Array(0);

  constructor(stream: ByteStream) {
    this.#stream = stream;
  }

  /** Sends a request and returns the whole response. */
  async request(method: string, path: string, json?: unknown): Promise<ApiResponse> {
    let body = "";
    const keep = (piece: Uint8Array) => {
      body += decoder.decode(piece, { stream: true });
      if (body.length > MAX_KEPT_BODY_BYTES) throw new Error(`Cannot keep the body of "${path}"`);
    };
    const status = await this.stream(method, path, keep, json);
    return { status, body: body + decoder.decode() };
  }

  /** Sends a request and hands the body to `sink` piece by piece; returns the status. */
  async stream(method: string, path: string, sink: Sink, json?: unknown): Promise<number> {
    await this.#send(method, path, json, "");
    const head = await this.#head();
    if (method === "HEAD" || head.status === 204 || head.status === 304) return head.status;
    if (head.chunked) await this.#chunks(sink);
    else await this.#exactly(head.length, sink);
    return head.status;
  }

  /** Sends an upgrade request; afterwards the connection is raw: see {@link readExactly}. */
  async upgrade(path: string, json: unknown): Promise<void> {
    await this.#send("POST", path, json, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
    const { status } = await this.#head();
    if (status !== 101) throw new Error(`Cannot upgrade "${path}": status ${status}`);
  }

  /** Writes raw bytes after an upgrade. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#stream.write(bytes);
  }

  /** Reads `count` raw bytes after an upgrade. */
  async readExactly(count: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(count);
    let filled = 0;
    await this.#exactly(count, (piece) => {
      bytes.set(piece, filled);
      filled += piece.length;
    });
    return bytes;
  }

  /** Closes the stream. Idempotent, never rejects. */
  close(): Promise<void> {
    return this.#stream.close();
  }

  #send(method: string, path: string, json: unknown, headers: string): Promise<void> {
    const body = json === undefined ? "" : JSON.stringify(json);
    const framing = json === undefined
      ? ""
      : `Content-Type: application/json\r\nContent-Length: ${encoder.encode(body).length}\r\n`;
    return this.#stream.write(
      encoder.encode(
        `${method} ${path} HTTP/1.1\r\nHost: docker\r\n${headers}${framing}\r\n${body}`,
      ),
    );
  }

  /** Makes more bytes pending; throws at the end of the stream. */
  async #fill(): Promise<void> {
    const count = await this.#stream.read(this.#buffer);
    if (count === null) throw new Error("Cannot read the response: the connection was closed");
    const joined = new Uint8Array(this.#pending.length + count);
    joined.set(this.#pending);
    joined.set(this.#buffer.subarray(0, count), this.#pending.length);
    this.#pending = joined;
  }

  #take(count: number): Uint8Array {
    const taken = this.#pending.subarray(0, count);
    this.#pending = this.#pending.subarray(count);
    return taken;
  }

  /** The next line without its end; heads and chunk sizes are both read by it. */
  async #line(): Promise<string> {
    while (true) {
      const index = this.#pending.indexOf(LINE_FEED);
      if (index >= 0) return decoder.decode(this.#take(index + 1)).trimEnd();
      if (this.#pending.length >= MAX_LINE_BYTES) {
        throw new Error("Cannot read the response: line too long");
      }
      await this.#fill();
    }
  }

  async #head(): Promise<Head> {
    const status = Number((await this.#line()).slice(9, 12));
    const head: Head = { status, length: 0, chunked: false };
    for (let line = await this.#line(); line !== ""; line = await this.#line()) {
      const [name = "", value = ""] = line.toLowerCase().split(/: */, 2);
      if (name === "content-length") head.length = Number(value);
      if (name === "transfer-encoding") head.chunked = value === "chunked";
    }
    return head;
  }

  async #exactly(count: number, sink: Sink): Promise<void> {
    for (let left = count; left > 0;) {
      if (this.#pending.length === 0) await this.#fill();
      const piece = this.#take(Math.min(left, this.#pending.length));
      left -= piece.length;
      await sink(piece);
    }
  }

  async #chunks(sink: Sink): Promise<void> {
    while (true) {
      const size = Number.parseInt(await this.#line(), 16);
      if (Number.isNaN(size)) throw new Error("Cannot read the response: bad chunk size");
      await this.#exactly(size, sink);
      await this.#line();
      if (size === 0) return;
    }
  }
}
