/**
 * HTTP/1.1 as a pure push parser: bytes in, events out, no I/O and no waiting. It never reads past
 * the end of a message before it is asked for the next event, so that its owner can stop there and
 * take the rest. What it holds is bounded: at most one unfinished head, and the pushed pieces that
 * have not been asked for yet.
 *
 * Pieces are not copied: bodies and raw bytes are views of what was pushed, so a pushed buffer must
 * not be written to again. Heads are copies.
 */
import { type BodyFraming, requestFraming, responseFraming } from "./body_framing.ts";
import { concat } from "../system/bytes.ts";
import { ChunkedScanner } from "./chunked.ts";
import type { RequestHead, ResponseHead } from "./head.ts";
import { parseRequestHead, parseResponseHead } from "./head_grammar.ts";
import { HeadScanner } from "./head_scanner.ts";
import { type Opening, RequestOpening, ResponseOpening } from "./opening.ts";
import { CutShortError, HttpParseError } from "./parse_error.ts";

/**
 * One step of a connection. A message is `head`, any number of `body`, `end`. A body's `wire` is
 * what came, chunk lines and trailers included; `data` is its payload as views of `wire`. After a
 * head whose framing is `tunnel` there is no `end` but `raw` for the rest of the connection.
 */
export type HttpEvent<H> =
  | { readonly type: "head"; readonly head: H; readonly framing: BodyFraming }
  | { readonly type: "body"; readonly wire: Uint8Array; readonly data: readonly Uint8Array[] }
  | { readonly type: "end" }
  | { readonly type: "raw"; readonly bytes: Uint8Array };

/** Where the parser stands; `length` and `chunked` carry what is left of the body. */
type Phase =
  | { readonly kind: "head" | "close" | "end" | "raw" }
  | { readonly kind: "length"; left: number }
  | { readonly kind: "chunked"; readonly scanner: ChunkedScanner };

const HEAD: Phase = { kind: "head" };
const END: Phase = { kind: "end" };
const CLOSE: Phase = { kind: "close" };
const RAW: Phase = { kind: "raw" };

/** What requests and responses have in common; see the two classes below. */
export abstract class HttpParser<H extends RequestHead | ResponseHead> {
  readonly #opening: Opening;
  readonly #scanner = new HeadScanner();
  readonly #queue: Uint8Array[] = [];
  /** Bytes of the first piece in the queue that have been dealt with. */
  #offset = 0;
  #openingJudged = false;
  #phase: Phase = HEAD;
  #failure: HttpParseError | undefined;

  constructor(opening: Opening) {
    this.#opening = opening;
  }

  /** Hands over the next bytes of the connection, which must not be changed from here on. */
  push(chunk: Uint8Array): void {
    if (chunk.length > 0) this.#queue.push(chunk);
  }

  /**
   * The next event, or undefined when more bytes are needed.
   *
   * @throws {HttpParseError} The message is refused; every further call throws the same.
   */
  next(): HttpEvent<H> | undefined {
    return this.#guarded(() => this.#step());
  }

  /**
   * To be called at the end of the connection, after `next` has returned undefined: the `end` of a
   * body that was framed by it, or undefined where no message is cut short.
   *
   * @throws {HttpParseError} The connection ended within a head or a body.
   */
  finish(): HttpEvent<H> | undefined {
    return this.#guarded(() => this.#finish());
  }

  /**
   * The bytes pushed and not parsed, those of an unfinished head included. They leave the parser,
   * which is then of no more use: the connection belongs to another protocol.
   */
  takeRest(): Uint8Array {
    const pieces = [this.#scanner.takeUnfinished(), ...this.#queue.splice(0)];
    if (pieces[1] !== undefined) pieces[1] = pieces[1].subarray(this.#offset);
    this.#offset = 0;
    this.#phase = RAW;
    return concat(pieces);
  }

  /** HTTP is over: every byte not parsed yet and all to come are `raw` events. */
  switchToRaw(): void {
    this.push(this.takeRest());
  }

  protected abstract parseHead(raw: Uint8Array): { head: H; framing: BodyFraming };

  /** What to do about bytes that cannot start a head: to return is to relay them as they are. */
  protected abstract alien(): void;

  /** The error as this side reports it. */
  protected abstract refusal(error: HttpParseError): HttpParseError;

  #guarded<T>(step: () => T): T {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return step();
    } catch (error) {
      if (!(error instanceof HttpParseError)) throw error;
      this.#failure = this.refusal(error);
      throw this.#failure;
    }
  }

  #step(): HttpEvent<H> | undefined {
    const phase = this.#phase;
    if (phase.kind === "end") {
      this.#phase = HEAD;
      return { type: "end" };
    }
    const chunk = this.#queue[0];
    if (chunk === undefined) return undefined;
    switch (phase.kind) {
      case "head":
        return this.#readHead();
      case "length":
        return this.#readLength(chunk, phase);
      case "chunked":
        return this.#readChunked(chunk, phase.scanner);
      case "close": {
        const wire = this.#consume(chunk, chunk.length);
        return { type: "body", wire, data: [wire] };
      }
      case "raw":
        return { type: "raw", bytes: this.#consume(chunk, chunk.length) };
    }
  }

  #finish(): HttpEvent<H> | undefined {
    switch (this.#phase.kind) {
      case "close":
        this.#phase = HEAD;
        return { type: "end" };
      case "head":
        if (!this.#scanner.started) return undefined;
        throw new HttpParseError(400, "Connection ended within a head");
      case "length":
      case "chunked":
        throw new CutShortError(400, "Connection ended within a body");
      default:
        return undefined;
    }
  }

  #readHead(): HttpEvent<H> | undefined {
    for (let chunk = this.#queue[0]; chunk !== undefined; chunk = this.#queue[0]) {
      if (!this.#judge(chunk)) {
        this.switchToRaw();
        return this.#step();
      }
      const end = this.#scanner.scan(chunk, this.#offset);
      this.#consume(chunk, end < 0 ? chunk.length : end);
      if (end >= 0) return this.#endHead();
    }
    return undefined;
  }

  /** Whether the bytes may still be a head. */
  #judge(chunk: Uint8Array): boolean {
    if (this.#openingJudged) return true;
    const verdict = this.#opening.examine(chunk, this.#offset);
    if (verdict === "alien") {
      this.alien();
      return false;
    }
    this.#openingJudged = verdict === "http";
    return true;
  }

  #endHead(): HttpEvent<H> {
    this.#openingJudged = false;
    this.#opening.reset();
    const { head, framing } = this.parseHead(this.#scanner.take());
    this.#phase = bodyPhase(framing);
    return { type: "head", head, framing };
  }

  #readLength(chunk: Uint8Array, phase: { left: number }): HttpEvent<H> {
    const wire = this.#consume(chunk, Math.min(chunk.length, this.#offset + phase.left));
    phase.left -= wire.length;
    if (phase.left === 0) this.#phase = END;
    return { type: "body", wire, data: [wire] };
  }

  #readChunked(chunk: Uint8Array, scanner: ChunkedScanner): HttpEvent<H> {
    const data: Uint8Array[] = [];
    const wire = this.#consume(chunk, scanner.scan(chunk, this.#offset, data));
    if (scanner.done) this.#phase = END;
    return { type: "body", wire, data };
  }

  /** The bytes of `chunk`, the first in the queue, from the offset to `end`; moves on. */
  #consume(chunk: Uint8Array, end: number): Uint8Array {
    const bytes = this.#offset === 0 && end === chunk.length
      ? chunk
      : chunk.subarray(this.#offset, end);
    this.#offset = end;
    if (end === chunk.length) {
      this.#queue.shift();
      this.#offset = 0;
    }
    return bytes;
  }
}

/**
 * The client's side of a connection. Bytes that cannot start a first request, such as a TLS
 * handshake or the HTTP/2 preface, are `raw` events from the first byte on; later on they are
 * refused. Up to two empty lines before a request line are dropped (RFC 9112 §2.2): they belong to
 * no message, and the engine does the same.
 */
export class RequestParser extends HttpParser<RequestHead> {
  #first = true;

  constructor() {
    super(new RequestOpening());
  }

  protected override parseHead(raw: Uint8Array) {
    this.#first = false;
    const head = parseRequestHead(raw);
    return { head, framing: requestFraming(head) };
  }

  protected override alien(): void {
    if (!this.#first) throw new HttpParseError(400, "Malformed request line");
  }

  protected override refusal(error: HttpParseError): HttpParseError {
    return error;
  }
}

/**
 * The engine's side of a connection. How long a response is depends on its request, so `expect` is
 * to be called for each request before its response is parsed; the caller bounds how many are
 * under way. An interim response (1xx but 101) is a message of its own, `head` and `end`, after
 * which the same request is still to be answered. Every refusal has status 502.
 */
export class ResponseParser extends HttpParser<ResponseHead> {
  readonly #methods: string[] = [];

  constructor() {
    super(new ResponseOpening());
  }

  /** Announces that a request with `method` has been sent. */
  expect(method: string): void {
    this.#methods.push(method);
  }

  protected override parseHead(raw: Uint8Array) {
    const head = parseResponseHead(raw);
    const method = this.#methods[0];
    if (method === undefined) throw new HttpParseError(502, "Response without a request");
    const framing = responseFraming(head, method);
    if (head.status === 101 || head.status >= 200) this.#methods.shift();
    return { head, framing };
  }

  protected override alien(): void {
    throw new HttpParseError(502, "Response does not start with HTTP/");
  }

  protected override refusal(error: HttpParseError): HttpParseError {
    if (error.status === 502) return error;
    const Kind = error instanceof CutShortError ? CutShortError : HttpParseError;
    return new Kind(502, error.message);
  }
}

function bodyPhase(framing: BodyFraming): Phase {
  switch (framing.kind) {
    case "none":
      return END;
    case "length":
      return framing.length === 0 ? END : { kind: "length", left: framing.length };
    case "chunked":
      return { kind: "chunked", scanner: new ChunkedScanner() };
    case "close":
      return CLOSE;
    case "tunnel":
      return RAW;
  }
}
