/**
 * Whether the end of an attach or exec is one. A proxy on the way that loses patience with a silent
 * stream, or is restarted, may end it as if the engine had: only the engine knows then that what the
 * stream belongs to goes on.
 */
import type { Exchange, StreamFate } from "../../docker/exchange.ts";
import { objectField, stringField } from "../../docker/fields.ts";
import { isObject, type JsonObject, parseJson } from "../../docker/json_body.ts";
import { collect } from "../../http/message.ts";
import { getRequest } from "./asking.ts";
import type { LostStreams } from "./lost_streams.ts";
import { timeOfDate } from "./seen_window.ts";

/** Proxies are more patient than this, and what is over sooner is not asked about. */
const MIN_AGE_MS = 1_000;
/** Without an answer it is not known how the stream ended, which is no good end. */
const ASK_MS = 5_000;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Asks the engine whether what the stream of `exchange` belongs to goes on. */
export type GoesOn = (exchange: Exchange, lastedMs: number) => Promise<boolean>;

/** The fate of the stream that `exchange` has become; `asks` is whether a proxy may have ended it in good order. */
export function fateOf(
  streams: LostStreams,
  exchange: Exchange,
  asks: boolean,
  goesOn: GoesOn,
): StreamFate {
  const id = exchange.route?.params["id"] ?? "";
  let over = () => {};
  return {
    begun: () => over = streams.begin(id),
    over: () => over(),
    async isCut(lastedMs) {
      if (!asks) return false;
      streams.end(id, "seeming");
      return lastedMs >= MIN_AGE_MS && await within(ASK_MS, goesOn(exchange, lastedMs));
    },
    lost: () => streams.end(id, "cut"),
  };
}

/** True where the answer does not come, or is a failure. */
async function within(ms: number, asking: Promise<boolean>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(true), ms);
  try {
    return await Promise.race([asking.catch(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether the command of an exec runs. */
export const execGoesOn: GoesOn = async (exchange) => {
  const { state } = await inspected(exchange, "exec");
  return state?.["Running"] === true;
};

/** Whether the container runs as it did when the stream began, and was not stopped in between. */
export const containerGoesOn: GoesOn = async (exchange, lastedMs) => {
  const { state: container, at } = await inspected(exchange, "containers");
  const state = container && objectField(container, "State");
  if (state === undefined || state["Running"] !== true) return false;
  const finished = Date.parse(stringField(state, "FinishedAt"));
  return Number.isNaN(finished) || at === undefined || finished < at - lastedMs;
};

/**
 * What the engine says of it, and when by its own clock; nothing if it is gone. Throws for other answers,
 * such as those of a proxy that does not reach the engine.
 */
async function inspected(
  exchange: Exchange,
  kind: "exec" | "containers",
): Promise<{ state: JsonObject | undefined; at: number | undefined }> {
  const id = encodeURIComponent(exchange.route?.params["id"] ?? "");
  const answer = await exchange.again(getRequest(exchange, `/${kind}/${id}/json`));
  const { status, headers } = answer.head;
  const text = await collect(answer.body, MAX_ANSWER_BYTES);
  if (status !== 200 && status !== 404) throw new Error(`The answer has status ${status}`);
  const date = timeOfDate(headers.get("Date"));
  const seen = status === 200 ? parseJson(text) : undefined;
  return {
    state: isObject(seen) ? seen : undefined,
    at: date === undefined ? undefined : Number(date / 1_000_000n),
  };
}
