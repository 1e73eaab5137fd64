/**
 * A Duplex over a Node stream: an ssh2 channel, a `node:net` or `node:tls` socket. The adapter owns
 * the stream. It reads in paused mode, so nothing is taken from the stream before it is asked for,
 * and it waits for `drain`, so that a slow reader holds back the writer (an ignored `false` from
 * `write()` once queued 50 MB).
 */
import { Buffer } from "node:buffer";
import type { Duplex as NodeDuplex } from "node:stream";
import type { Duplex } from "./duplex.ts";
import { keepTlsEnd } from "./tls_end.ts";

/** Wraps `stream`, which must have been created with half-open allowed where half-close matters. */
export function nodeStreamDuplex(stream: NodeDuplex): Duplex {
  return new NodeStreamDuplex(stream);
}

class NodeStreamDuplex implements Duplex {
  readonly closed: Promise<void>;
  readonly #stream: NodeDuplex;
  #error: Error | undefined;
  #ended = false;
  #closed = false;
  /** Called at the next event that a waiting read or write could go on after. */
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  constructor(stream: NodeDuplex) {
    this.#stream = stream;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    keepTlsEnd(stream);
    stream.on("error", (error: Error) => this.#stop(error));
    stream.on("readable", () => this.#wakeReader?.());
    stream.on("drain", () => this.#wakeWriter?.());
    stream.on("end", () => {
      this.#ended = true;
      this.#wakeReader?.();
    });
    stream.on("close", () => {
      this.#stop(undefined);
      resolve();
    });
  }

  #stop(error: Error | undefined): void {
    this.#error ??= error;
    this.#closed = true;
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const chunk: Buffer | null = this.#stream.read();
      if (chunk !== null) return chunk;
      if (this.#error !== undefined) throw this.#error;
      if (this.#ended || this.#closed) return null;
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
      this.#wakeReader = undefined;
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#throwIfNotWritable();
    // A view, not a copy: ssh2 and node:net take Buffers only.
    const flowing = this.#stream.write(
      Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength),
    );
    if (flowing) return;
    await new Promise<void>((resolve) => this.#wakeWriter = resolve);
    this.#wakeWriter = undefined;
    this.#throwIfNotWritable();
  }

  #throwIfNotWritable(): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.#closed || !this.#stream.writable) {
      throw new Deno.errors.BrokenPipe("The stream is closed for writing");
    }
  }

  closeWrite(): Promise<void> {
    if (!this.#closed && !this.#stream.writableEnded) this.#stream.end();
    return Promise.resolve();
  }

  close(): void {
    if (!this.#stream.destroyed) this.#stream.destroy();
    this.#stop(undefined);
  }
}
