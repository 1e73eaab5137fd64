/**
 * A message as it travels: its head, how its body is framed, and the body as it comes. Bodies are
 * streams; only who must edit one collects it, under a limit.
 */
import { type BodyFraming, keepsAlive } from "./body_framing.ts";
import { encodeRequestHead, encodeResponseHead } from "./head.ts";
import type { HeaderList, RequestHead, ResponseHead } from "./head.ts";
import { concat } from "../system/bytes.ts";
import { HttpParseError } from "./parse_error.ts";

/** A piece of a body: the bytes on the wire, and the payload in them as views. */
export interface BodyPiece {
  readonly wire: Uint8Array;
  readonly data: readonly Uint8Array[];
  /** Nothing else is in the memory of `wire`, which may be discarded when it has been sent. */
  readonly sole?: boolean;
}

/** A body; `null` at its end. One reader. */
export interface Body {
  read(): Promise<BodyPiece | null>;
  /** The next piece if it is here already; `undefined` where it takes a {@link Body.read}. */
  ready?(): BodyPiece | null | undefined;
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
  return bodyOfPieces(bytes.length === 0 ? [] : [{ wire: bytes, data: [bytes] }]);
}

/** A body of pieces that are all here. */
export function bodyOfPieces(pieces: readonly BodyPiece[]): Body {
  let next = 0;
  const ready = () => pieces[next++] ?? null;
  return { read: () => Promise.resolve(ready()), ready };
}

/**
 * The start of a message as one piece: its head, and what is here of its body. Sent in one write, it
 * takes one packet, and wakes its reader once.
 */
export function firstBytes({ head, body }: Message<RequestHead | ResponseHead>): Uint8Array {
  const piece = body.ready?.();
  return piece ? concat([head.raw, piece.wire]) : head.raw;
}

/** All pieces of a body. Throws as {@link collect} does. */
export async function collectPieces(body: Body, limit: number): Promise<BodyPiece[]> {
  const pieces: BodyPiece[] = [];
  let length = 0;
  for (let piece = await body.read(); piece !== null; piece = await body.read()) {
    for (const data of piece.data) length += data.length;
    if (length > limit) throw new HttpParseError(413, `Body is longer than ${limit} bytes`);
    pieces.push(piece);
  }
  return pieces;
}

/** The payload of pieces of a body. */
export function payloadOf(pieces: readonly BodyPiece[]): Uint8Array {
  return concat(pieces.flatMap(({ data }) => data));
}

/**
 * The whole payload of a body.
 *
 * @throws {HttpParseError} 413 when it is longer than `limit` bytes.
 */
export async function collect(body: Body, limit: number): Promise<Uint8Array> {
  return payloadOf(await collectPieces(body, limit));
}

/** The request with the fields of `head` as they are now; the body stays as it is framed. */
export function withHead(
  request: RequestMessage,
  head: Omit<RequestHead, "raw">,
): RequestMessage {
  return { ...request, head: { ...head, raw: encodeRequestHead(head) } };
}

/**
 * The request with another query, which may be empty. One whose own query the engine refuses as a whole
 * stays as it is: written anew it would hide from the engine what is wrong with it.
 */
export function withQuery(request: RequestMessage, query: URLSearchParams): RequestMessage {
  const [path = "", ...written] = request.head.target.split("?");
  if (isRefused(written.join("?"))) return request;
  const target = query.size === 0 ? path : `${path}?${query}`;
  return withHead(request, { ...request.head, target });
}

/** Go's `url.ParseQuery` takes neither semicolons nor a percent sign without two hex digits. */
function isRefused(query: string): boolean {
  return /;|%(?![0-9a-f]{2})/i.test(query);
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
