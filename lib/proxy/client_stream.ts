/**
 * The stream of one client with its bytes counted and its pauses bounded. Which pause is whose fault
 * depends on where the connection is in HTTP, so its user says so (`enter`): between requests the
 * client may be idle for a while, a head has to be complete in time, a body has to go on coming, and
 * faster than byte by byte, and in everything else (an answer under way, a hijacked stream) silence is
 * nobody's fault.
 *
 * One timer per stream at most, and none while nothing is bounded: it is set for the earliest
 * deadline, left alone while deadlines move away, and looks again when it fires.
 */
import { ReplyError } from "../docker/error_reply.ts";
import type { Duplex } from "../net/duplex.ts";
import type { ClientLimits } from "./limits.ts";
import type { LimitEvent } from "./observer.ts";

/** Where a connection is; see the file comment. `head` begins by itself with the first byte. */
export type Phase = "idle" | "head" | "body" | "free";

/** What has to come of a body, unless it ends, in the time in which it may come to a halt. */
const LEAST_BODY_BYTES = 1024;

/** Who is told. */
export interface ClientStreamListener {
  received(bytes: number): void;
  sent(bytes: number): void;
  limited(event: LimitEvent): void;
}

/** See the file comment. Owns the stream it is made of. */
export class ClientStream implements Duplex {
  readonly closed: Promise<void>;
  readonly #inner: Duplex;
  readonly #limits: ClientLimits;
  readonly #listener: ClientStreamListener;
  #phase: Phase = "free";
  /** When the phase, the read and the write under way began (`Date.now()`); 0 for none under way. */
  #phaseSince = 0;
  #readSince = 0;
  /** Since when these bytes of a body have come; the time in which nobody asked for more is left out. */
  #bodySince = 0;
  #bodyBytes = 0;
  #readEnd = 0;
  #writeSince = 0;
  #reading: Promise<Uint8Array | null> | undefined;
  #failRead: ((error: Error) => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #over = false;

  constructor(inner: Duplex, limits: ClientLimits, listener: ClientStreamListener) {
    this.#inner = inner;
    this.#limits = limits;
    this.#listener = listener;
    this.closed = inner.closed;
  }

  get readsSole(): boolean {
    return this.#inner.readsSole === true;
  }

  get givesBack(): boolean {
    return this.#inner.givesBack === true;
  }

  /** The connection has come to another phase. */
  enter(phase: Phase): void {
    this.#phase = phase;
    this.#phaseSince = this.#bodySince = this.#readEnd = Date.now();
    this.#bodyBytes = 0;
    this.#arm();
  }

  read(): Promise<Uint8Array | null> {
    this.#reading ??= this.#readInner();
    const reading = this.#reading;
    return new Promise((resolve, reject) => {
      this.#failRead = reject;
      reading.then(resolve, reject);
    });
  }

  /** Stays under way after a read was given up, and is the next read then. */
  async #readInner(): Promise<Uint8Array | null> {
    this.#readSince = Date.now();
    if (this.#phase === "body") this.#askForBody();
    try {
      const chunk = await this.#inner.read();
      if (chunk !== null) this.#listener.received(chunk.length);
      this.#bodyBytes += chunk?.length ?? 0;
      this.#readEnd = Date.now();
      if (chunk !== null && this.#phase === "idle") this.enter("head");
      return chunk;
    } finally {
      this.#readSince = 0;
      this.#reading = undefined;
      this.#failRead = undefined;
    }
  }

  #askForBody(): void {
    if (this.#bodyBytes < LEAST_BODY_BYTES) this.#bodySince += this.#readSince - this.#readEnd;
    else {
      this.#bodySince = this.#readSince;
      this.#bodyBytes = 0;
    }
    this.#arm();
  }

  async write(chunk: Uint8Array): Promise<void> {
    const { length } = chunk;
    this.#writeSince = Date.now();
    if (this.#limits.writeMs > 0) this.#arm();
    try {
      await this.#inner.write(chunk);
    } finally {
      this.#writeSince = 0;
    }
    this.#listener.sent(length);
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  close(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#inner.close();
  }

  /** Sets the timer, unless it fires early enough as it is. */
  #arm(): void {
    const at = Math.min(this.#readDeadline(), this.#writeDeadline());
    if (this.#over || at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#look(), Math.max(0, at - Date.now()));
  }

  #readDeadline(): number {
    const { idleMs, readMs, headMs = readMs } = this.#limits;
    const bound = { idle: idleMs, head: headMs, body: readMs, free: 0 }[this.#phase];
    if (bound === 0) return Infinity;
    if (this.#phase !== "body") return this.#phaseSince + bound;
    // A body that is not asked for waits for the engine.
    if (this.#readSince === 0) return Infinity;
    return this.#bodySince + bound;
  }

  #writeDeadline(): number {
    const { writeMs } = this.#limits;
    return writeMs === 0 || this.#writeSince === 0 ? Infinity : this.#writeSince + writeMs;
  }

  #look(): void {
    this.#timerAt = Infinity;
    const now = Date.now();
    if (this.#writeDeadline() <= now) this.#end("write_timeout");
    else if (this.#readDeadline() > now) this.#arm();
    else if (this.#phase === "idle") this.#end("idle_timeout");
    else this.#giveUpRequest();
  }

  #end(event: LimitEvent): void {
    this.#listener.limited(event);
    this.close();
  }

  /** The client is told, so its stream lives on. */
  #giveUpRequest(): void {
    const part = this.#phase;
    this.#phase = "free";
    this.#listener.limited("read_timeout");
    const { readMs, headMs = readMs } = this.#limits;
    const seconds = (part === "head" ? headMs : readMs) / 1000;
    this.#failRead?.(
      new ReplyError(
        408,
        `The ${part} of the request did not arrive within ${seconds} s (--read-timeout)`,
      ),
    );
  }
}
