/** What the tests of this room share: bytes from text, runs of a parser, events made comparable. */
import type { RequestHead, ResponseHead } from "../../../lib/http/head.ts";
import { HttpParseError } from "../../../lib/http/parse_error.ts";
import { type HttpEvent, type HttpParser, ResponseParser } from "../../../lib/http/parser.ts";
import { decodeLatin1, encodeLatin1 } from "../../../lib/http/syntax.ts";

/** One byte per character. */
export const bytes = encodeLatin1;

/** One character per byte. */
export const text = decodeLatin1;

/** A parser for the requests of a connection, or for the responses to requests by `methods`. */
export function responseParser(methods: readonly string[]): ResponseParser {
  const parser = new ResponseParser();
  for (const method of methods) parser.expect(method);
  return parser;
}

/** One message, or what came instead, as comparable data. */
export interface Seen {
  /** Start line and fields as parsed. */
  head?: string;
  framing?: string;
  /** Bytes as they came, head included. */
  wire: string;
  /** Decoded payload. */
  data: string;
  ended: boolean;
  /** Status and message of a refusal. */
  error?: string;
}

/** Start line and fields as parsed, one per line. */
export function describeHead(head: RequestHead | ResponseHead): string {
  const start = "method" in head ? [head.method, head.target] : [head.status, head.reason];
  return [...start, head.version, ...[...head.headers].map(([n, v]) => `${n}=${v}`)].join("\n");
}

/** Gathers events into messages, so that how the bytes were cut does not show. */
export class Collector<H extends RequestHead | ResponseHead> {
  readonly seen: Seen[] = [];
  #open: Seen | undefined;

  add(event: HttpEvent<H>): void {
    switch (event.type) {
      case "head": {
        const { head, framing } = event;
        this.#begin({ head: describeHead(head), framing: JSON.stringify(framing) });
        return this.#append(text(head.raw), "");
      }
      case "body":
        return this.#append(text(event.wire), event.data.map(text).join(""));
      case "raw":
        if (this.#open === undefined) this.#begin({ framing: "raw" });
        return this.#append(text(event.bytes), text(event.bytes));
      case "end":
        if (this.#open !== undefined) this.#open.ended = true;
        this.#open = undefined;
    }
  }

  fail(error: unknown): void {
    if (!(error instanceof HttpParseError)) throw error;
    if (this.#open === undefined) this.#begin({});
    if (this.#open !== undefined) this.#open.error = `${error.status} ${error.message}`;
  }

  #begin(fields: Partial<Seen>): void {
    this.#open = { wire: "", data: "", ended: false, ...fields };
    this.seen.push(this.#open);
  }

  #append(wire: string, data: string): void {
    if (this.#open === undefined) throw new Error("Event outside of a message");
    this.#open.wire += wire;
    this.#open.data += data;
  }
}

/** Feeds `pieces` and the end of the connection to `parser`. */
export function run<H extends RequestHead | ResponseHead>(
  parser: HttpParser<H>,
  pieces: Iterable<Uint8Array>,
): Seen[] {
  const collector = new Collector<H>();
  try {
    for (const piece of pieces) {
      parser.push(piece);
      for (let event = parser.next(); event; event = parser.next()) collector.add(event);
    }
    for (let event = parser.finish(); event; event = parser.finish()) collector.add(event);
  } catch (error) {
    collector.fail(error);
  }
  return collector.seen;
}

/** `input` cut in two at `at`. */
export function cutAt(input: Uint8Array, at: number): Uint8Array[] {
  return [input.slice(0, at), input.slice(at)];
}

/** `input` one byte at a time. */
export function* singly(input: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < input.length; at++) yield input.slice(at, at + 1);
}
