/**
 * A Duplex as the socket that ssh2 wants beneath a connection. ssh2 writes a packet in three pieces
 * (length, body, MAC), and a `node:net` socket makes a system call and a TCP segment of each; this
 * one gathers what is written in one turn and passes it on at once. It owns the Duplex.
 */
import { EventEmitter } from "node:events";
import type { Readable } from "node:stream";
import { asBuffer } from "../../net/buffer.ts";
import type { Duplex } from "../../net/duplex.ts";

/** The most that is passed on at once, and what a busy connection keeps allocated for it. */
const MAX_SEND = 64 * 1024;
/** Beyond this, in bytes, writers are asked to wait. */
const HIGH_WATER = 128 * 1024;

/**
 * Emits `data`, `end`, `error`, `drain` and `close` as a `node:net` socket does that allows no
 * half-open connections. Reading begins with `resume`.
 */
export class SshSocket extends EventEmitter {
  readable = true;
  writable = true;
  /** ssh2 looks here for whether the peer has ended its direction. */
  readonly _readableState = { ended: false };
  readonly #duplex: Duplex;
  readonly #send = () => void this.#flush();
  #isReading = false;
  #isDestroyed = false;
  #isSending = false;
  /** Everything has been sent, and our direction ended. */
  #isFinished = false;
  /** Written by ssh2, but not passed on yet. */
  #pieces: Uint8Array[] = [];
  #queued = 0;
  #needsDrain = false;
  #out: Uint8Array | undefined;

  constructor(duplex: Duplex) {
    super();
    this.#duplex = duplex;
  }

  /** This socket by the type that ssh2's declarations ask for; it uses no more than is here. */
  get forSsh2(): Readable {
    return this as unknown as Readable;
  }

  /** Whether writers should wait for `drain`. */
  get writableNeedDrain(): boolean {
    return this.#needsDrain;
  }

  /** Nothing is read before {@link resume}. */
  pause(): this {
    return this;
  }

  resume(): this {
    if (!this.#isReading) {
      this.#isReading = true;
      void this.#receive();
    }
    return this;
  }

  async #receive(): Promise<void> {
    try {
      for (;;) {
        const chunk = await this.#duplex.read();
        if (this.#isDestroyed) return;
        if (chunk === null) break;
        this.emit("data", asBuffer(chunk));
      }
    } catch (error) {
      return this.#fail(error);
    }
    this.readable = false;
    this._readableState.ended = true;
    this.emit("end");
    if (this.#isFinished) this.destroy();
    else this.end();
  }

  write(piece: Uint8Array): boolean {
    if (!this.writable) return false;
    this.#queued += piece.length;
    if (this.#pieces.push(piece) === 1 && !this.#isSending) queueMicrotask(this.#send);
    if (this.#queued > HIGH_WATER) this.#needsDrain = true;
    return !this.#needsDrain;
  }

  async #flush(): Promise<void> {
    if (this.#isSending || this.#isDestroyed) return;
    this.#isSending = true;
    try {
      while (this.#pieces.length > 0) {
        await this.#duplex.write(this.#gather());
        if (this.#isDestroyed) return;
        if (this.#needsDrain && this.#queued <= HIGH_WATER / 2) {
          this.#needsDrain = false;
          this.emit("drain");
        }
      }
      if (!this.writable) await this.#finish();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isSending = false;
    }
  }

  /** Takes up to {@link MAX_SEND} bytes off the queue. */
  #gather(): Uint8Array {
    const out = this.#out ??= new Uint8Array(MAX_SEND);
    let length = 0;
    let taken = 0;
    for (const piece of this.#pieces) {
      const room = MAX_SEND - length;
      if (piece.length > room) {
        out.set(piece.subarray(0, room), length);
        this.#pieces[taken] = piece.subarray(room);
        length = MAX_SEND;
        break;
      }
      out.set(piece, length);
      length += piece.length;
      taken++;
    }
    if (taken === this.#pieces.length) this.#pieces = [];
    else this.#pieces.splice(0, taken);
    this.#queued -= length;
    return out.subarray(0, length);
  }

  /** Ends our direction once all is sent, and the connection if the peer has ended its own. */
  end(): this {
    if (!this.writable) return this;
    this.writable = false;
    if (!this.#isSending) queueMicrotask(this.#send);
    return this;
  }

  async #finish(): Promise<void> {
    this.#isFinished = true;
    if (this._readableState.ended) this.destroy();
    else await this.#duplex.closeWrite();
  }

  #fail(error: unknown): void {
    if (this.#isDestroyed) return;
    this.emit("error", error);
    this.destroy();
  }

  /** Ends both directions at once. Idempotent. */
  destroy(): this {
    if (this.#isDestroyed) return this;
    // What was written last, such as a goodbye, is still offered to the system.
    this.#send();
    this.#isDestroyed = true;
    this.readable = this.writable = false;
    this.#pieces = [];
    this.#duplex.close();
    queueMicrotask(() => this.emit("close"));
    return this;
  }
}
