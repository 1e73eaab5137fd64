/**
 * `/containers/{id}/wait` over several connections. What happened meanwhile is asked of the engine: a
 * container that has ended since gives its exit code, one that is removed has left it in the events.
 */
import type { Exchange } from "../../docker/exchange.ts";
import { forAnyEngine } from "../../docker/events.ts";
import { field, objectField, stringField } from "../../docker/fields.ts";
import { isObject, type JsonObject, parseJson } from "../../docker/json_body.ts";
import { LineSplitter } from "../../docker/json_lines.ts";
import {
  bodyOf,
  collect,
  type RequestMessage,
  type ResponseMessage,
  withQuery,
} from "../../http/message.ts";
import { askWhenBack, getRequest } from "./asking.ts";
import { type IsLoss, mended } from "./follow.ts";
import { withOutput } from "./missed_output.ts";
import { formatTime, timeOfDate } from "./seen_window.ts";
import { isUnbegun, type LostStarts, removeUnbegun } from "./unbegun.ts";

/** What the engine itself says of a container whose start has failed. */
const START_FAILED = "128";
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const SECOND_NS = 1_000_000_000n;
const ALIVE = new Set(["created", "running", "paused", "restarting"]);

/** What a wait depends on beside its own connection. */
export interface WaitSurroundings {
  readonly isLoss: IsLoss;
  /** Whether the stream of somebody who attached to the container was lost. */
  readonly lostStream: (id: string) => boolean;
  /** Starts that may not have come to the engine. */
  readonly lostStarts: LostStarts;
  /** Settles when it is known how such streams have ended, or it takes too long. */
  readonly allHeard: (id: string) => Promise<void>;
}

/**
 * Asks for the wait and sees it through, unless somebody had a terminal on the container whose stream is
 * lost: without it, nobody could end the container.
 */
export async function resumeWait(
  exchange: Exchange,
  next: () => Promise<ResponseMessage>,
  { isLoss, lostStream, lostStarts, allHeard }: WaitSurroundings,
): Promise<ResponseMessage> {
  const { request, route } = exchange;
  const id = route?.params["id"] ?? "";
  const response = await next();
  if (response.head.status !== 200 || response.framing.kind !== "chunked") return response;
  const began = timeOfDate(response.head.headers.get("Date")) ?? 0n;
  const body = mended(exchange, response.body, isLoss, async () => {
    const seen = await askWhenBack(
      exchange,
      () => getRequest(exchange, `/containers/${encodeURIComponent(id)}/json`),
    );
    const bytes = await collect(seen.body, MAX_ANSWER_BYTES);
    const container = seen.head.status === 200 ? parseJson(bytes) : undefined;
    if (container === undefined) return await answerFromEvents(exchange, id, began, seen);
    if (!isObject(container)) throw new Error(`The engine's answer about ${id} is no object`);
    if (lostStream(id) && objectField(container, "Config")?.["Tty"] === true) {
      throw new Error("The terminal of the container was lost with the connection");
    }
    if (route?.query.get("condition") === "removed" && lostStarts.has(id)) {
      const isGone = isUnbegun(container) && await removeUnbegun(exchange, id, container);
      if (isGone) return exited(seen, START_FAILED);
    }
    const code = exitCodeSince(container, began, route?.query.get("condition") ?? "");
    if (code !== undefined) return exited(seen, code);
    return await askWhenBack(exchange, () => repeated(request, route?.query));
  });
  const condition = route?.query.get("condition") ?? "";
  const output = { isCut: () => lostStream(id), whenHeard: () => allHeard(id) };
  const whole = withOutput(body, response.framing, condition, output);
  return { ...response, body: whole };
}

function repeated(request: RequestMessage, query = new URLSearchParams()): RequestMessage {
  return withQuery(request, query);
}

/** The exit code of a container that has ended since `began`; the engine answers for all others. */
export function exitCodeSince(
  container: JsonObject,
  began: bigint,
  condition: string,
): string | undefined {
  const state = objectField(container, "State");
  if (condition !== "next-exit" || state === undefined) return undefined;
  if (ALIVE.has(stringField(state, "Status"))) return undefined;
  const finished = Date.parse(stringField(state, "FinishedAt"));
  if (Number.isNaN(finished) || BigInt(finished) * 1_000_000n < began) return undefined;
  const code = field(state, "ExitCode");
  return typeof code === "number" ? String(code) : undefined;
}

/** A container that is gone has said with what code, if the engine still remembers. */
async function answerFromEvents(
  exchange: Exchange,
  id: string,
  began: bigint,
  missing: ResponseMessage,
): Promise<ResponseMessage> {
  const now = (timeOfDate(missing.head.headers.get("Date")) ?? began) + SECOND_NS;
  const query = new URLSearchParams({
    since: formatTime(began),
    until: formatTime(now),
    filters: JSON.stringify(forAnyEngine({ container: [id], event: ["die"] })),
  });
  const answer = await exchange.again(getRequest(exchange, `/events?${query}`));
  const events = await collect(answer.body, MAX_ANSWER_BYTES);
  const code = lastExitCode(events);
  if (code === undefined) throw new Error(`Container ${id} is gone, and so is its exit code`);
  return exited(answer, code);
}

/** The `exitCode` of the last event, in lines of JSON. */
export function lastExitCode(events: Uint8Array): string | undefined {
  const lines = new LineSplitter();
  const codes = [...lines.push(events), lines.rest()].flatMap((line) => {
    const event = line.length === 0 ? null : parseJson(line);
    const actor = isObject(event) ? objectField(event, "Actor") : undefined;
    const attributes = actor === undefined ? undefined : objectField(actor, "Attributes");
    const code = attributes === undefined ? "" : stringField(attributes, "exitCode");
    return /^\d+$/.test(code) ? [code] : [];
  });
  return codes.at(-1);
}

function exited(answer: ResponseMessage, code: string): ResponseMessage {
  const bytes = new TextEncoder().encode(`{"StatusCode":${code}}\n`);
  return { ...answer, head: { ...answer.head, status: 200 }, body: bodyOf(bytes) };
}
