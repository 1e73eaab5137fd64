/**
 * Answers `GET|HEAD /_ping` from the engine's own last answer while an open, idle connection proves
 * that the same engine is still there. The docker CLI asks it before every command; over a link with
 * a round trip of 50 ms that would be a third of `docker ps`.
 */
import type { Exchange, Interceptor } from "../docker/exchange.ts";
import { encodeResponseHead, HeaderList, type ResponseHead } from "../http/head.ts";
import { bodyOf, collect, type ResponseMessage, staysOpen } from "../http/message.ts";

/** The answer is `OK`; anything much longer is not an answer to `_ping`. */
const MAX_PING_BYTES = 1024;

interface Remembered {
  head: ResponseHead;
  body: Uint8Array;
  /** The engine's clock less ours, in milliseconds. */
  clockOffset: number;
  generation: number;
  /** The head as it was sent last, which is good for as long as the clock shows the same second. */
  shown?: { second: number; head: ResponseHead };
}

/** What the cache needs to know of the connections to the engine. */
export interface Liveness {
  readonly live: boolean;
  readonly generation: number;
}

/** An interceptor for the two `_ping` operations; one per engine. */
export function pingCache(liveness: Liveness): Interceptor {
  const remembered = new Map<string, Remembered>();
  return async (exchange, next) => {
    if (!isPlain(exchange)) return await next();
    const { method } = exchange.request.head;
    const known = remembered.get(method);
    if (known !== undefined && liveness.live && known.generation === liveness.generation) {
      return recall(known);
    }
    const { generation } = liveness;
    const response = await next();
    if (response.head.status !== 200 || !staysOpen(response)) return response;
    const body = await collect(response.body, MAX_PING_BYTES);
    const clockOffset = Date.parse(response.head.headers.get("Date") ?? "") - Date.now();
    remembered.set(method, { head: response.head, body, clockOffset, generation });
    return { ...response, body: bodyOf(body) };
  };
}

function isPlain({ route, request }: Exchange): boolean {
  const { head, framing } = request;
  return route?.version === undefined && staysOpen(request) && head.version === "1.1" &&
    framing.kind === "none" && !head.target.includes("?") &&
    !head.headers.has("Expect") && !head.headers.has("Upgrade");
}

/** The remembered answer with the time the engine's clock shows now. */
function recall(known: Remembered): ResponseMessage {
  const { body, clockOffset } = known;
  const second = Math.floor((Date.now() + clockOffset) / 1000);
  // Without a clock there is but one answer.
  if (known.shown === undefined || (known.shown.second !== second && !Number.isNaN(second))) {
    known.shown = { second, head: headAt(known.head, second) };
  }
  return {
    head: known.shown.head,
    framing: { kind: "length", length: body.length },
    body: bodyOf(body),
  };
}

function headAt(head: ResponseHead, second: number): ResponseHead {
  const headers = new HeaderList(head.headers);
  if (!Number.isNaN(second)) headers.set("Date", new Date(second * 1000).toUTCString());
  const fresh = { ...head, headers };
  return { ...fresh, raw: encodeResponseHead(fresh) };
}
