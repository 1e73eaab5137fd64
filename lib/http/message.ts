/**
 * A message as it travels: its head, how its body is framed, and the body as it comes. Bodies are
 * streams; only who must edit one collects it, under a limit.
 */
import { type BodyFraming, keepsAlive } from "./body_framing.ts";
import { encodeRequestHead, encodeResponseHead } from "./head.ts";
import type { HeaderList, RequestHead, ResponseHead } from "./head.ts";
import { concat } from "./bytes.ts";
import { HttpParseError } from "./parse_error.ts";

/** A piece of a body: the bytes on the wire, and the payload in them as views. */
export interface BodyPiece {
  readonly wire: Uint8Array;
  readonly data: readonly Uint8Array[];
}

/** A body; `null` at its end. One reader. */
export interface Body {
  read(): Promise<BodyPiece | null>;
}

/** A request or a response. */
export interface Message<H extends RequestHead | ResponseHead> {
  head: H;
  framing: BodyFraming;
  body: Body;
}

export type RequestMessage = Message<RequestHead>;
export type ResponseMessage = Message<ResponseHead>;

/** Whether HTTP goes on after this message, as far as its sender is concerned. */
export function staysOpen(message: Message<RequestHead | ResponseHead>): boolean {
  const { kind } = message.framing;
  return kind !== "close" && kind !== "tunnel" && keepsAlive(message.head);
}

/** Whether another response to the same request is still to come (RFC 9110 §15.2). */
export function isInterim(head: ResponseHead): boolean {
  return head.status < 200 && head.status !== 101;
}

/** A body that is all here. */
export function bodyOf(bytes: Uint8Array): Body {
  let left: BodyPiece | null = bytes.length === 0 ? null : { wire: bytes, data: [bytes] };
  return {
    read() {
      const piece = left;
      left = null;
      return Promise.resolve(piece);
    },
  };
}

/**
 * The whole payload of a body.
 *
 * @throws {HttpParseError} 413 when it is longer than `limit` bytes.
 */
export async function collect(body: Body, limit: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (let piece = await body.read(); piece !== null; piece = await body.read()) {
    for (const data of piece.data) {
      length += data.length;
      if (length > limit) throw new HttpParseError(413, `Body is longer than ${limit} bytes`);
      pieces.push(data);
    }
  }
  return concat(pieces);
}

/** The request with another payload: framed by Content-Length, all other fields kept. */
export function withRequestBody(message: RequestMessage, bytes: Uint8Array): RequestMessage {
  reframe(message.head.headers, bytes.length);
  const head = { ...message.head, raw: encodeRequestHead(message.head) };
  return { head, framing: { kind: "length", length: bytes.length }, body: bodyOf(bytes) };
}

/** The response with another payload: framed by Content-Length, all other fields kept. */
export function withResponseBody(message: ResponseMessage, bytes: Uint8Array): ResponseMessage {
  reframe(message.head.headers, bytes.length);
  const head = { ...message.head, raw: encodeResponseHead(message.head) };
  return { head, framing: { kind: "length", length: bytes.length }, body: bodyOf(bytes) };
}

function reframe(headers: HeaderList, length: number): void {
  headers.delete("Transfer-Encoding");
  headers.delete("Trailer");
  headers.set("Content-Length", String(length));
}
