/**
 * A Duplex over a Node stream: a `node:net` or `node:tls` socket. The adapter owns the stream. What
 * arrives is handed to the reader that waits for it, or kept; when more than a little is kept, the
 * stream is paused. Writes wait for `drain`, so that a slow reader holds back the writer (an ignored
 * `false` from `write()` once queued 50 MB).
 */
import type { Duplex as NodeDuplex } from "node:stream";
import { asBuffer } from "./buffer.ts";
import { drained } from "./drain.ts";
import type { Duplex } from "./duplex.ts";
import { Inbox } from "./inbox.ts";
import { keepTlsEnd } from "./tls/end.ts";

/** Unread bytes from which on the stream is paused. */
const MAX_UNREAD = 64 * 1024;
const DONE = Promise.resolve();

/** Wraps `stream`, which must have been created with half-open allowed where half-close matters. */
export function nodeStreamDuplex(stream: NodeDuplex): Duplex {
  return new NodeStreamDuplex(stream);
}

class NodeStreamDuplex implements Duplex {
  readonly closed: Promise<void>;
  readonly #stream: NodeDuplex;
  readonly #inbox: Inbox;
  #flowing = false;
  #error: Error | undefined;
  #closed = false;

  constructor(stream: NodeDuplex) {
    this.#stream = stream;
    this.#inbox = new Inbox();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    keepTlsEnd(stream);
    stream.on("error", (error: Error) => this.#stop(error));
    stream.on("data", (chunk: Uint8Array) => this.#put(chunk));
    stream.on("end", () => this.#inbox.end());
    stream.on("close", () => {
      this.#stop(undefined);
      resolve();
    });
    // Nothing is taken from the stream before it is asked for.
    stream.pause();
  }

  #put(chunk: Uint8Array): void {
    this.#inbox.put(chunk);
    if (this.#inbox.bytes >= MAX_UNREAD) {
      this.#flowing = false;
      this.#stream.pause();
    }
  }

  #stop(error: Error | undefined): void {
    this.#error ??= error;
    this.#closed = true;
    this.#inbox.end(this.#error);
  }

  read(): Promise<Uint8Array | null> {
    const chunk = this.#inbox.take();
    if (!this.#flowing && this.#inbox.bytes === 0) {
      this.#flowing = true;
      this.#stream.resume();
    }
    return chunk;
  }

  write(chunk: Uint8Array): Promise<void> {
    const problem = this.#notWritable();
    if (problem !== undefined) return Promise.reject(problem);
    return this.#stream.write(asBuffer(chunk)) ? DONE : this.#roomMade();
  }

  async #roomMade(): Promise<void> {
    await drained(this.#stream);
    const problem = this.#notWritable();
    if (problem !== undefined) throw problem;
  }

  #notWritable(): Error | undefined {
    if (this.#error !== undefined) return this.#error;
    if (!this.#closed && this.#stream.writable) return undefined;
    return new Deno.errors.BrokenPipe("The stream is closed for writing");
  }

  closeWrite(): Promise<void> {
    if (!this.#closed && !this.#stream.writableEnded) this.#stream.end();
    return DONE;
  }

  close(): void {
    if (!this.#stream.destroyed) this.#stream.destroy();
    this.#stop(undefined);
  }
}
