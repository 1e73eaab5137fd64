/**
 * The parser as a transform stream: `source.pipeThrough(new HttpFramer(parser))`.
 *
 * It is a `TransformStream` by interface and not a subclass of the platform's class, for three
 * things that class cannot do. Each event is parsed when it is read and not before, so that a
 * message that is refused does not throw away those before it, which a subclass would have queued.
 * A write is done when its bytes are used up, so that nothing is read from a connection that may
 * be about to leave HTTP. And `abort` of the writable end takes effect while a write is pending.
 *
 * The framer owns the parser and both ends; ending or failing one of them ends the other.
 */
import type { RequestHead, ResponseHead } from "./head.ts";
import type { HttpEvent, HttpParser } from "./parser.ts";

/** Options of {@link HttpFramer}. */
export interface HttpFramerOptions<H> {
  /**
   * Whether HTTP may be over after the message with this head, such as one that asks for an
   * upgrade. Nothing after its `end` is parsed, and nothing more is accepted, before `resume` or
   * `switchToRaw` has been called for it. Default: never.
   */
  holdAfter?: (head: H) => boolean;
}

/** What follows a message that was held. */
type Decision = "resume" | "raw";

/** Bytes to {@link HttpEvent}s; a parse error is the error of the readable end. */
export class HttpFramer<H extends RequestHead | ResponseHead>
  implements TransformStream<Uint8Array, HttpEvent<H>> {
  readonly readable: ReadableStream<HttpEvent<H>>;
  readonly writable: WritableStream<Uint8Array>;
  readonly #parser: HttpParser<H>;
  readonly #holdAfter: (head: H) => boolean;
  /** Set from the head of a message that is to be held until it has been followed up. */
  #hold: PromiseWithResolvers<Decision> | undefined;
  /** Whether the end of the held message has been read. */
  #holding = false;
  /** The write whose bytes are not used up. */
  #write: PromiseWithResolvers<void> | undefined;
  /** The reader that waits for bytes or for the end. */
  #arrival: PromiseWithResolvers<void> | undefined;
  #ended = false;
  #over = false;
  #intake!: WritableStreamDefaultController;
  #outlet!: ReadableStreamDefaultController<HttpEvent<H>>;

  /** @param parser For this framer alone; `ResponseParser.expect` may be called at any time. */
  constructor(parser: HttpParser<H>, options: HttpFramerOptions<H> = {}) {
    this.#parser = parser;
    this.#holdAfter = options.holdAfter ?? (() => false);
    this.writable = new WritableStream<Uint8Array>({
      start: (controller) => this.#startIntake(controller),
      write: (chunk) => this.#accept(chunk),
      close: () => this.#end(),
    }, { highWaterMark: 1 });
    this.readable = new ReadableStream<HttpEvent<H>>({
      start: (controller) => void (this.#outlet = controller),
      pull: () => this.#pull(),
      cancel: (reason) => this.#fail(reason),
    }, { highWaterMark: 0 });
  }

  /**
   * The held message was an ordinary one: parsing goes on. May be called as soon as its head has
   * been read; the first decision on a message counts.
   *
   * @throws {TypeError} No message is held.
   */
  resume(): void {
    this.#decide("resume");
  }

  /**
   * HTTP is over after the held message: all that follows, beginning with the bytes that have been
   * accepted and not parsed, are `raw` events. May be called as soon as its head has been read.
   *
   * @throws {TypeError} No message is held.
   */
  switchToRaw(): void {
    this.#decide("raw");
  }

  #decide(decision: Decision): void {
    if (this.#over) return;
    if (this.#hold === undefined) throw new TypeError("No message is held");
    this.#hold.resolve(decision);
  }

  #startIntake(controller: WritableStreamDefaultController): void {
    this.#intake = controller;
    const { signal } = controller;
    // The sink's own `abort` would be called only after the write under way has ended.
    signal.addEventListener("abort", () => this.#abandon(signal.reason), { once: true });
  }

  #accept(chunk: Uint8Array): Promise<void> {
    this.#parser.push(chunk);
    this.#write = Promise.withResolvers();
    this.#arrival?.resolve();
    return this.#write.promise;
  }

  #end(): void {
    this.#ended = true;
    this.#arrival?.resolve();
  }

  async #pull(): Promise<void> {
    try {
      if (this.#holding) await this.#followUp();
      while (!this.#over && !this.#deliver()) await this.#more();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Waits for the decision on the held message, or for the stream to be over. */
  async #followUp(): Promise<void> {
    const decision = await this.#hold?.promise;
    this.#holding = false;
    this.#hold = undefined;
    if (decision === "raw") this.#parser.switchToRaw();
  }

  /** Hands out the next event, or the end; whether there was one. */
  #deliver(): boolean {
    const event = this.#parser.next() ?? (this.#ended ? this.#parser.finish() : undefined);
    if (event !== undefined) {
      if (event.type === "head" && this.#holdAfter(event.head)) {
        this.#hold = Promise.withResolvers();
      }
      this.#holding = event.type === "end" && this.#hold !== undefined;
      this.#outlet.enqueue(event);
    } else if (this.#ended) {
      this.#over = true;
      this.#outlet.close();
    }
    return event !== undefined || this.#ended;
  }

  /** Ends the write under way, whose bytes are used up, and waits for the next one. */
  async #more(): Promise<void> {
    this.#arrival = Promise.withResolvers();
    this.#write?.resolve();
    this.#write = undefined;
    await this.#arrival.promise;
    this.#arrival = undefined;
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
    this.#arrival?.resolve();
    this.#hold?.resolve("resume");
  }
}
