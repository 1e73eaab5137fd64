/**
 * The two ends of a framer as streams. An event is made when it is read; a write is done when its
 * bytes are used up. Ending or failing one end ends the other.
 */
import type { RequestHead, ResponseHead } from "./head.ts";
import type { HttpEvent } from "./parser.ts";

/** What the streams are ends of. */
export interface FramerCore<H extends RequestHead | ResponseHead> {
  next(more: () => Promise<Uint8Array | null>): Promise<HttpEvent<H> | null>;
  /** Lets a `next` go that waits for a decision. */
  abandon(): void;
}

/** See the file comment. */
export class FramerStreams<H extends RequestHead | ResponseHead> {
  readonly readable: ReadableStream<HttpEvent<H>>;
  readonly writable: WritableStream<Uint8Array>;
  readonly #core: FramerCore<H>;
  /** What was written and not taken yet; `null` is the end. */
  #arrived: Uint8Array | null | undefined;
  /** The write whose bytes are not used up. */
  #write: PromiseWithResolvers<void> | undefined;
  /** The reader that waits for bytes or for the end. */
  #arrival: PromiseWithResolvers<void> | undefined;
  #over = false;
  #intake!: WritableStreamDefaultController;
  #outlet!: ReadableStreamDefaultController<HttpEvent<H>>;

  constructor(core: FramerCore<H>) {
    this.#core = core;
    this.writable = new WritableStream<Uint8Array>({
      start: (controller) => this.#startIntake(controller),
      write: (chunk) => this.#accept(chunk),
      close: () => this.#arrive(null),
    }, { highWaterMark: 1 });
    this.readable = new ReadableStream<HttpEvent<H>>({
      start: (controller) => void (this.#outlet = controller),
      pull: () => this.#pull(),
      cancel: (reason) => this.#fail(reason),
    }, { highWaterMark: 0 });
  }

  /** Whether both have ended. */
  get over(): boolean {
    return this.#over;
  }

  #startIntake(controller: WritableStreamDefaultController): void {
    this.#intake = controller;
    const { signal } = controller;
    // The sink's own `abort` would be called only after the write under way has ended.
    signal.addEventListener("abort", () => this.#abandon(signal.reason), { once: true });
  }

  #accept(chunk: Uint8Array): Promise<void> {
    this.#write = Promise.withResolvers();
    this.#arrive(chunk);
    return this.#write.promise;
  }

  #arrive(chunk: Uint8Array | null): void {
    this.#arrived = chunk;
    this.#arrival?.resolve();
  }

  async #pull(): Promise<void> {
    try {
      const event = await this.#core.next(() => this.#more());
      if (this.#over) return;
      if (event !== null) return this.#outlet.enqueue(event);
      this.#over = true;
      this.#outlet.close();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends the write under way, whose bytes are used up, and waits for the next one. */
  async #more(): Promise<Uint8Array | null> {
    if (this.#arrived === undefined) {
      this.#write?.resolve();
      this.#write = undefined;
      this.#arrival = Promise.withResolvers();
      await this.#arrival.promise;
      this.#arrival = undefined;
    }
    const chunk = this.#arrived ?? null;
    this.#arrived = undefined;
    return chunk;
  }

  /** Fails both ends. */
  #fail(reason: unknown): void {
    if (this.#over) return;
    this.#intake.error(reason);
    this.#abandon(reason);
  }

  /** Fails the readable end and the write under way; whatever waits here, finds that all is over. */
  #abandon(reason: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#outlet.error(reason);
    this.#write?.reject(reason);
    this.#arrive(null);
    this.#core.abandon();
  }
}
