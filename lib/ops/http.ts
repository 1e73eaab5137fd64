/**
 * A small HTTP/1.1 server for answers that are made at once: GET and HEAD, no request bodies, one
 * request after another. It serves any stream, so the same answers go over TCP, a Unix socket or a
 * named pipe.
 */
import { isClosedError, messageOf } from "../errors.ts";
import { FramedStream } from "../http/framed_stream.ts";
import { HttpFramer } from "../http/framer.ts";
import { encodeChunk, LAST_CHUNK } from "../http/chunked.ts";
import type { RequestHead } from "../http/head.ts";
import { keepsAlive } from "../http/body_framing.ts";
import { ownReply, ownReplyHead } from "../http/own_reply.ts";
import { HttpParseError } from "../http/parse_error.ts";
import { RequestParser } from "../http/parser.ts";
import { type Logger, logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import { ReplyError } from "../docker/error_reply.ts";
import { ClientStream } from "../proxy/client_stream.ts";
import { UNLIMITED } from "../proxy/limits.ts";
import { NO_OBSERVER } from "../proxy/observer.ts";

/** An answer. */
export interface Reply {
  status: number;
  /** The media type, with its charset. */
  type: string;
  body: string;
  headers?: Readonly<Record<string, string>>;
  /** In the place of `body`: pieces as they come, until the end or until the client has left. */
  lines?: (signal: AbortSignal) => AsyncIterable<string>;
}

/** Answers a request. `path` has no query. */
export type Handler = (path: string, head: RequestHead) => Reply | Promise<Reply>;

/** A client that is late loses its connection; those who watch ask every few seconds. */
const LIMITS = { ...UNLIMITED, idleMs: 60_000, readMs: 10_000, writeMs: 10_000 };

/** On every answer: nothing is cached, sniffed, framed or told to other sites. */
const COMMON = {
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
};

const encoder = new TextEncoder();

/** An answer of JSON. */
export function jsonReply(status: number, body: unknown): Reply {
  return { status, type: "application/json", body: JSON.stringify(body, null, 2) + "\n" };
}

/** What changes nothing. */
const READING = /^(GET|HEAD)$/;
/** What may change something; still without a body. */
export const ACTING = /^(GET|HEAD|POST)$/;

/** Serves one client, whose stream belongs to this function; never rejects. */
export async function serveHttp(
  duplex: Duplex,
  handler: Handler,
  log: Logger = logger("ops"),
  methods: RegExp = READING,
): Promise<void> {
  const stream = new ClientStream(duplex, LIMITS, NO_OBSERVER);
  const client = new FramedStream(stream, new HttpFramer(new RequestParser()));
  try {
    while (await serveNext(client, stream, handler, log, methods));
  } catch (error) {
    await refuse(client, error, log);
  } finally {
    client.close();
  }
}

async function serveNext(
  client: FramedStream<RequestHead>,
  stream: ClientStream,
  handler: Handler,
  log: Logger,
  methods: RegExp,
): Promise<boolean> {
  stream.enter("idle");
  const event = await client.next();
  if (event === null || event.type !== "head") return false;
  stream.enter("free");
  const { head } = event;
  const answerable = event.framing.kind === "none" && methods.test(head.method);
  const reply = answerable ? await answer(handler, head, log) : notAllowed();
  const { lines } = reply;
  if (lines !== undefined) {
    await writeLines(client, reply, lines);
    return false;
  }
  const open = answerable && keepsAlive(head);
  await client.write(encode(reply, { open, head: head.method === "HEAD" }));
  if (!open) await client.closeAfterReply();
  // The `end` of a request without a body.
  return open && await client.next() !== null;
}

/** Writes pieces as they come; the last answer on its connection. */
async function writeLines(
  client: FramedStream<RequestHead>,
  reply: Reply,
  lines: NonNullable<Reply["lines"]>,
): Promise<void> {
  // The `end` of the request; what comes after it is the client's end.
  await client.next();
  const gone = new AbortController();
  const leave = () => gone.abort();
  client.ahead().then(leave, leave);
  const { status, type, headers } = reply;
  const framing = { "Transfer-Encoding": "chunked", Connection: "close" };
  const fields = { "Content-Type": type, ...COMMON, ...headers, ...framing };
  await client.write(ownReplyHead(status, fields));
  for await (const line of lines(gone.signal)) {
    await client.write(encodeChunk(encoder.encode(line)));
  }
  await client.write(LAST_CHUNK);
  await client.closeAfterReply();
}

async function answer(handler: Handler, head: RequestHead, log: Logger): Promise<Reply> {
  try {
    const target = head.target.replace(/^https?:\/\/[^/?#]*/i, "");
    return await handler(target.split("?", 1)[0] || "/", head);
  } catch (error) {
    log.error(`Cannot answer ${head.method} ${head.target}: ${messageOf(error)}`);
    return jsonReply(500, { message: "remote-docker-agent failed; see its log" });
  }
}

function notAllowed(): Reply {
  const reply = jsonReply(405, { message: "Only GET and HEAD, without a body, are answered here" });
  return { ...reply, headers: { Allow: "GET, HEAD" } };
}

async function refuse(
  client: FramedStream<RequestHead>,
  error: unknown,
  log: Logger,
): Promise<void> {
  const known = error instanceof HttpParseError || error instanceof ReplyError;
  if (!known) {
    if (!isClosedError(error)) log.debug(`Lost a client: ${messageOf(error)}`);
    return;
  }
  try {
    await client.write(encode(jsonReply(error.status, { message: error.message }), {}));
    await client.closeAfterReply();
  } catch (failure) {
    log.debug(`The client was gone before its reply: ${messageOf(failure)}`);
  }
}

function encode({ status, type, body, headers }: Reply, how: { open?: boolean; head?: boolean }) {
  const close = how.open ? {} : { Connection: "close" };
  const fields = { ...COMMON, ...headers, ...close };
  return ownReply({ status, type, body, headers: fields, head: how.head ?? false });
}
