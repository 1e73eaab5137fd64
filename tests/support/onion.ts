/**
 * Runs requests through interceptors around an engine that is a function: for tests of what becomes of
 * a request and of its answer, without connections.
 */
import { compose } from "../../lib/docker/compose.ts";
import type { Exchange, Interceptor } from "../../lib/docker/exchange.ts";
import { parseJson } from "../../lib/docker/json_body.ts";
import { matchRoute } from "../../lib/docker/route.ts";
import { encodeRequestHead, encodeResponseHead, HeaderList } from "../../lib/http/head.ts";
import {
  bodyOf,
  collect,
  type RequestMessage,
  type ResponseMessage,
} from "../../lib/http/message.ts";
import { logger } from "../../lib/log.ts";

const MAX_BYTES = 1024 * 1024;

/** What the engine gets. `body` is parsed JSON, `null` without one. */
export interface EngineRequest {
  readonly method: string;
  readonly target: string;
  readonly body: unknown;
}

/** What it answers, or the client gets. */
export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  /** The time by the engine's clock, as in a header. */
  readonly date?: string;
}

/** Options of {@link ask}. */
export interface AskOptions {
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  readonly hangUp?: () => void;
  /** Answers what is asked anew. Default: the engine, where there is one. */
  readonly again?: (request: EngineRequest) => Reply | Promise<Reply>;
}

/** Sends one request through the layers; its answer is read to the end. Throws what they throw. */
export async function ask(
  layers: readonly Interceptor[],
  engine: (request: EngineRequest) => Reply | Promise<Reply>,
  line: string,
  options: AskOptions = {},
): Promise<Reply> {
  const answer = await send(layers, engine, line, options);
  return { status: answer.head.status, body: await bodyIn(answer.body) };
}

/** As {@link ask}, but the body of the answer is left to be read. */
export async function send(
  layers: readonly Interceptor[],
  engine: (request: EngineRequest) => Reply | Promise<Reply>,
  line: string,
  options: AskOptions = {},
): Promise<ResponseMessage> {
  const run = compose(layers, ({ request }: Exchange) => answerOf(engine, request));
  return await run(exchangeOf(line, { again: engine, ...options }));
}

async function answerOf(
  engine: (request: EngineRequest) => Reply | Promise<Reply>,
  { head: { method, target }, body }: RequestMessage,
): Promise<ResponseMessage> {
  return message(await engine({ method, target, body: await bodyIn(body) }));
}

/** A request of a client, as interceptors see it. */
export function exchangeOf(line: string, options: AskOptions = {}): Exchange {
  const [method = "", target = ""] = line.split(" ");
  const { body, signal = new AbortController().signal, hangUp = () => {}, again } = options;
  const bytes = encode(body);
  const headers = new HeaderList([["Host", "d"], ["Content-Length", String(bytes.length)]]);
  const head = { method, target, version: "1.1" as const, headers };
  const framing = { kind: "length", length: bytes.length } as const;
  return {
    request: { head: { ...head, raw: encodeRequestHead(head) }, framing, body: bodyOf(bytes) },
    route: matchRoute(method, target),
    log: logger("test"),
    signal,
    hangUp,
    again: (request) => {
      if (again === undefined) throw new Error("No answer was cut short");
      return answerOf(again, request);
    },
    proceed: () => Promise.resolve(),
  };
}

function message({ status, body, date }: Reply): ResponseMessage {
  const bytes = encode(body);
  const headers = new HeaderList([["Content-Length", String(bytes.length)]]);
  if (date !== undefined) headers.append("Date", date);
  const head = { version: "1.1" as const, status, reason: "", headers };
  const framing = { kind: "length", length: bytes.length } as const;
  return { head: { ...head, raw: encodeResponseHead(head) }, framing, body: bodyOf(bytes) };
}

function encode(body: unknown): Uint8Array {
  return new TextEncoder().encode(body === undefined ? "" : JSON.stringify(body));
}

async function bodyIn(body: ResponseMessage["body"]): Promise<unknown> {
  const bytes = await collect(body, MAX_BYTES);
  return bytes.length === 0 ? null : parseJson(bytes);
}
