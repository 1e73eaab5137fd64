/**
 * The client's side of an HTTP/1.1 upgrade (RFC 9110, section 7.8): one request on a fresh stream,
 * and either the same stream as what it was asked to become, or the server's own words about why
 * not. How tunnels and commands are asked for at a guest or gateway (docs/protocol.md).
 */
import { AgentError, type ErrorKind, messageOf } from "../../errors.ts";
import { FramedStream } from "../../http/framed_stream.ts";
import { HttpFramer } from "../../http/framer.ts";
import {
  encodeRequestHead,
  type HeaderField,
  HeaderList,
  type ResponseHead,
} from "../../http/head.ts";
import { collect, isInterim, type ResponseMessage } from "../../http/message.ts";
import { ResponseParser } from "../../http/parser.ts";
import type { Duplex } from "../../net/duplex.ts";
import { said } from "./said.ts";

/** What to ask for. */
export interface UpgradeRequest {
  method: "GET" | "POST";
  /** The request target, percent-encoded. */
  path: string;
  /** The value of `Host`. */
  host: string;
  /** Added to `Host`, `Connection`, `Upgrade` and `Content-Length`. */
  headers?: Iterable<HeaderField>;
  /** Sent with a `Content-Length`. */
  body?: Uint8Array;
}

/** Options of {@link upgrade}. */
export interface UpgradeOptions {
  /** Gives up and closes the stream; not looked at any more once the answer is there. */
  signal?: AbortSignal;
  /** From the request to the head of the answer, in milliseconds. Default: 30 s. */
  timeoutMs?: number;
}

/** A stream that has left HTTP. */
export interface Upgraded {
  /** Begins with the first byte after the head of the answer; belongs to the caller. */
  readonly duplex: Duplex;
  /** Of the answer. */
  readonly headers: HeaderList;
}

/** The server answered, but not with 101. `message` has its words. */
export class UpgradeRefused extends AgentError {
  readonly status: number;

  constructor(status: number, kind: ErrorKind, message: string, hint?: string) {
    super(kind, message, hint === undefined ? {} : { hint });
    this.status = status;
  }
}

const DEFAULT_TIMEOUT = 30_000;
/** Of an answer that explains a refusal. */
const MAX_EXPLANATION_BYTES = 64 * 1024;
/** We have always asked (RFC 9110, section 15.5.22). */
const UPGRADE_REQUIRED = 426;
const PROXY_HINT =
  "have each proxy between pass on Connection and Upgrade, also for requests with " +
  "a body";
const NO_ANSWER = "the connection ended without an answer";

/**
 * Sends `request` and waits for `101`. `duplex` belongs to this function until it returns, and is
 * closed when it throws: {@link UpgradeRefused} (kind `authentication` for 401, else `engine`),
 * `AgentError` of kind `lost` without an answer, or of kind `engine` for one that is not HTTP.
 */
export async function upgrade(
  duplex: Duplex,
  request: UpgradeRequest,
  options: UpgradeOptions = {},
): Promise<Upgraded> {
  const { signal, timeoutMs = DEFAULT_TIMEOUT } = options;
  const parser = new ResponseParser();
  const stream = new FramedStream(duplex, new HttpFramer(parser));
  const where = `"${request.path.split("?", 1)[0]}"`;
  let gaveUp: string | undefined;
  const giveUp = (why: string) => {
    gaveUp ??= why;
    duplex.close();
  };
  const onAbort = () => giveUp("it was no longer wanted");
  const timer = setTimeout(() => giveUp(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    parser.expect(request.method);
    const sent = send(stream, request);
    const answer = await finalAnswer(stream, sent);
    if (answer.head.status !== 101) throw await refusal(answer, where);
    return { duplex: stream.handOver({ held: false }), headers: answer.head.headers };
  } catch (error) {
    stream.close();
    if (error instanceof AgentError) throw error;
    const why = gaveUp ??
      (error instanceof Deno.errors.UnexpectedEof ? NO_ANSWER : messageOf(error));
    throw new AgentError("lost", `Cannot open ${where} on the server: ${why}`, { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Resolves with the error, if there was one: a server may answer without having read it all. */
async function send(
  stream: FramedStream<ResponseHead>,
  { method, path, host, headers = [], body }: UpgradeRequest,
): Promise<unknown> {
  const fields = new HeaderList([
    ["Host", host],
    ["Connection", "Upgrade"],
    ["Upgrade", "tcp"],
    ...headers,
    ...(body === undefined ? [] : [["Content-Length", `${body.length}`] as const]),
  ]);
  try {
    const head = { method, target: path, version: "1.1", headers: fields } as const;
    await stream.write(encodeRequestHead(head));
    if (body !== undefined && body.length > 0) await stream.write(body);
    return undefined;
  } catch (error) {
    return error;
  }
}

async function finalAnswer(
  stream: FramedStream<ResponseHead>,
  sent: Promise<unknown>,
): Promise<ResponseMessage> {
  for (;;) {
    const event = await stream.next();
    if (event === null) {
      // What was read says more than a write that failed, such as the alert of a TLS server.
      throw await Promise.race([sent, undefined]) ?? new Error(NO_ANSWER);
    }
    if (event.type !== "head" || isInterim(event.head)) continue;
    return { head: event.head, framing: event.framing, body: stream.body() };
  }
}

async function refusal({ head, body }: ResponseMessage, where: string): Promise<UpgradeRefused> {
  const { status } = head;
  if (status === UPGRADE_REQUIRED) {
    const message = `The request for ${where} has lost its Upgrade on the way to the server`;
    return new UpgradeRefused(status, "engine", message, PROXY_HINT);
  }
  const text = await collect(body, MAX_EXPLANATION_BYTES)
    // Too long, or cut short: the status has to do.
    .then((bytes) => said(new TextDecoder().decode(bytes)), () => "");
  const kind = status === 401 ? "authentication" : "engine";
  const message = text === ""
    ? `The server refused ${where} with status ${status}${head.reason && ` ${head.reason}`}`
    : text;
  return new UpgradeRefused(status, kind, message);
}
