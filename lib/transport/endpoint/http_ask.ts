/**
 * One short question over HTTP/1.1, on a connection of its own that is closed afterwards: how a gateway
 * or guest is asked what it is.
 */
import { AgentError } from "../../errors.ts";
import type { Duplex } from "../../net/duplex.ts";
import { FramedStream } from "../../http/framed_stream.ts";
import { HttpFramer } from "../../http/framer.ts";
import {
  encodeRequestHead,
  type HeaderField,
  HeaderList,
  type ResponseHead,
} from "../../http/head.ts";
import { collect, isInterim } from "../../http/message.ts";
import { ResponseParser } from "../../http/parser.ts";

/** What to ask. */
export interface Question {
  readonly path: string;
  /** The value of `Host`. */
  readonly host: string;
  readonly headers?: Iterable<HeaderField>;
  /** From the request to the end of the answer, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Waits for the end of the connection too, for a moment, to tell how it comes. Default: no. */
  readonly untilEnd?: boolean;
}

/** What came back. */
export interface PlainAnswer {
  /** Absent when the connection ended without an answer. */
  readonly status?: number;
  readonly text: string;
  /** Whether the connection has ended as TLS ends, where that was waited for and has come. */
  readonly endsInOrder?: boolean;
}

const MAX_ANSWER_BYTES = 64 * 1024;
/** A server that has been told to close does so at once. */
const END_MS = 500;

/** The peer did not answer in time. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/**
 * Asks with GET; `duplex` is closed in the end. Throws {@link NoAnswer}, `HttpParseError` for an
 * answer that is not HTTP, or what the stream throws.
 */
export async function ask(duplex: Duplex, question: Question): Promise<PlainAnswer> {
  const { signal, timeoutMs } = question;
  const parser = new ResponseParser();
  const stream = new FramedStream(duplex, new HttpFramer(parser));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    duplex.close();
  }, timeoutMs);
  const stop = () => duplex.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    parser.expect("GET");
    await stream.write(encodeRequestHead(headOf(question)));
    const answer = await answerOf(stream);
    // An end that we have made ourselves says nothing about the peer.
    if (answer.status === undefined && (late || signal?.aborted)) throw new Error("gave up");
    const endsInOrder = question.untilEnd === true ? await endOf(stream) : undefined;
    return { ...answer, ...(endsInOrder !== undefined && { endsInOrder }) };
  } catch (error) {
    if (late) throw new NoAnswer(`no answer within ${timeoutMs / 1000} s`);
    if (!signal?.aborted) throw error;
    if (isTimeout(signal.reason)) throw new NoAnswer("no answer in time");
    throw new AgentError("lost", "The connection is no longer wanted");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    stream.close();
  }
}

/** Whether it is the reason of an `AbortSignal.timeout`. */
function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "TimeoutError";
}

function headOf({ path, host, headers = [] }: Question) {
  const fields = new HeaderList([["Host", host], ["Connection", "close"], ...headers]);
  return { method: "GET", target: path, version: "1.1", headers: fields } as const;
}

async function answerOf(
  stream: FramedStream<ResponseHead>,
): Promise<PlainAnswer> {
  for (;;) {
    const event = await stream.next().catch(endIfCut);
    if (event === null) return { text: "" };
    if (event.type !== "head" || isInterim(event.head)) continue;
    const bytes = await collect(stream.body(), MAX_ANSWER_BYTES).catch(() => new Uint8Array());
    return { status: event.head.status, text: new TextDecoder().decode(bytes) };
  }
}

/** Nothing where the end does not come, or is that of something else. Never rejects. */
async function endOf(stream: FramedStream<ResponseHead>): Promise<boolean | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), END_MS);
  const end = stream.next().then(
    (event) => event === null ? true : undefined,
    (error) => error instanceof Deno.errors.UnexpectedEof ? false : undefined,
  );
  try {
    return await Promise.race([end, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A server that wants none of us may end the connection without a farewell. */
function endIfCut(error: unknown): null {
  if (error instanceof Deno.errors.UnexpectedEof) return null;
  throw error;
}
