/**
 * Two Duplexes joined in memory: what is written to one is read from the other. Bounded like a
 * socket, so that code which forgets back-pressure stops instead of passing its test.
 */
import type { Duplex } from "./duplex.ts";

/** How many bytes one direction holds before its writer has to wait. */
const MEMORY_WINDOW = 64 * 1024;

/** A connected pair; closing either end frees both. */
export function memoryPair(): [Duplex, Duplex] {
  const there = new Channel();
  const back = new Channel();
  return [new MemoryDuplex(back, there), new MemoryDuplex(there, back)];
}

class Channel {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #broken = false;
  #wake: (() => void)[] = [];

  async take(): Promise<Uint8Array | null> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#bytes -= chunk.length;
        this.#notify();
        return chunk;
      }
      if (this.#ended) return null;
      if (this.#broken) throw new Deno.errors.ConnectionReset("The memory stream was closed");
      await this.#changed();
    }
  }

  async put(chunk: Uint8Array): Promise<void> {
    this.#throwIfEnded();
    this.#chunks.push(chunk.slice());
    this.#bytes += chunk.length;
    this.#notify();
    while (this.#bytes > MEMORY_WINDOW && !this.#broken) await this.#changed();
    if (this.#broken) this.#throwIfEnded();
  }

  #throwIfEnded(): void {
    if (this.#ended || this.#broken) {
      throw new Deno.errors.BrokenPipe("The memory stream is closed");
    }
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  break(): void {
    this.#broken = true;
    this.#notify();
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

class MemoryDuplex implements Duplex {
  readonly closed: Promise<void>;
  readonly #incoming: Channel;
  readonly #outgoing: Channel;
  #markClosed!: () => void;

  constructor(incoming: Channel, outgoing: Channel) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.closed = new Promise((resolve) => this.#markClosed = resolve);
  }

  read(): Promise<Uint8Array | null> {
    return this.#incoming.take();
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#outgoing.put(chunk);
  }

  closeWrite(): Promise<void> {
    this.#outgoing.end();
    return Promise.resolve();
  }

  /** What was written before the close can still be read at the other end, as with a socket. */
  close(): void {
    this.#outgoing.end();
    this.#outgoing.break();
    this.#incoming.break();
    this.#markClosed();
  }
}
