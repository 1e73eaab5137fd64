/**
 * The parser as a transform stream: `source.pipeThrough(new HttpFramer(parser))`. Whoever has a
 * connection and no streams calls `next` and `take` instead, which spares each request the two dozen
 * promises of two streams; the two ways are not to be mixed.
 *
 * It is a `TransformStream` by interface and not a subclass of the platform's class, for three
 * things that class cannot do. Each event is parsed when it is read and not before, so that a
 * message that is refused does not throw away those before it, which a subclass would have queued.
 * A write is done when its bytes are used up, so that nothing is read from a connection that may
 * be about to leave HTTP. And `abort` of the writable end takes effect while a write is pending.
 *
 * The framer owns the parser and both ends; ending or failing one of them ends the other.
 */
import { FramerStreams } from "./framer_streams.ts";
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
  readonly #parser: HttpParser<H>;
  readonly #holdAfter: (head: H) => boolean;
  #streams: FramerStreams<H> | undefined;
  /** Set from the head of a message that is to be held until it has been followed up. */
  #hold: PromiseWithResolvers<void> | undefined;
  #decision: Decision | undefined;
  /** Whether the end of the held message has been taken. */
  #holding = false;
  #ended = false;

  /** @param parser For this framer alone; `ResponseParser.expect` may be called at any time. */
  constructor(parser: HttpParser<H>, options: HttpFramerOptions<H> = {}) {
    this.#parser = parser;
    this.#holdAfter = options.holdAfter ?? (() => false);
  }

  get readable(): ReadableStream<HttpEvent<H>> {
    return this.#ends().readable;
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#ends().writable;
  }

  #ends(): FramerStreams<H> {
    return this.#streams ??= new FramerStreams({
      next: (more) => this.next(more),
      abandon: () => {
        this.#decision ??= "resume";
        this.#hold?.resolve();
      },
    });
  }

  /**
   * The next event, for which `more` gives bytes where they are needed, `null` at their end; `null`
   * after the last event. Rejects with a parse error, or as `more` does.
   */
  async next(more: () => Promise<Uint8Array | null>): Promise<HttpEvent<H> | null> {
    for (;;) {
      const event = this.take();
      if (event !== undefined) return event;
      if (this.#holding) {
        await this.#hold?.promise;
        continue;
      }
      const chunk = await more();
      if (chunk === null) this.#ended = true;
      else this.#parser.push(chunk);
    }
  }

  /**
   * The next event if it is here: `null` after the last one, `undefined` where it takes more bytes, or
   * a decision on a held message.
   *
   * @throws {HttpParseError} The message is refused.
   */
  take(): HttpEvent<H> | null | undefined {
    if (this.#holding && !this.#followUp()) return undefined;
    const event = this.#parser.next() ?? (this.#ended ? this.#parser.finish() : undefined);
    if (event === undefined) return this.#ended ? null : undefined;
    if (event.type === "head" && this.#holdAfter(event.head)) {
      this.#hold = Promise.withResolvers();
    }
    this.#holding = event.type === "end" && this.#hold !== undefined;
    return event;
  }

  /** Whether there is a decision on the held message, which is acted upon. */
  #followUp(): boolean {
    if (this.#decision === undefined) return false;
    if (this.#decision === "raw") this.#parser.switchToRaw();
    this.#holding = false;
    this.#hold = this.#decision = undefined;
    return true;
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
    if (this.#streams?.over) return;
    if (this.#hold === undefined) throw new TypeError("No message is held");
    this.#decision ??= decision;
    this.#hold.resolve();
  }
}
