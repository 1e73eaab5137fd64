/**
 * Streams that go on after the connection to the remote host was lost and came back: the client sees
 * one answer without a gap and without a repeat. Only the loss of the connection is mended; a stream
 * that the engine ends, or cuts off by going away itself, ends as without us.
 */
import type { Exchange } from "../../docker/exchange.ts";
import {
  type Body,
  bodyOf,
  collect,
  type ResponseMessage,
  withResponseBody,
} from "../../http/message.ts";
import { mapPayload, type PayloadEdit, pieceOf } from "../body_lines.ts";
import { withQuery } from "../../http/message.ts";
import { askWhenBack } from "./asking.ts";
import { leavable } from "./leaving.ts";
import type { Resumption } from "./resumption.ts";

/** Whether what broke a body off is the loss of the connection to the remote host. */
export type IsLoss = (error: unknown) => boolean;

/** Of an answer that is no stream. */
const MAX_WHOLE_BYTES = 16 * 1024 * 1024;

/** Asks for the stream and follows it; the exchange is a GET without a body. */
export async function follow(
  exchange: Exchange,
  next: () => Promise<ResponseMessage>,
  resumption: Resumption,
  isLoss: IsLoss,
): Promise<ResponseMessage> {
  const { request } = exchange;
  exchange.request = withQuery(request, resumption.query());
  const response = await next();
  if (response.head.status !== 200 || response.framing.kind === "none") return response;
  resumption.begin(response.head.headers.get("Date"));
  const body = mended(exchange, response.body, isLoss, () => {
    resumption.restart();
    return askWhenBack(exchange, () => withQuery(request, resumption.query()));
  });
  if (response.framing.kind !== "length") {
    const { framing } = response;
    const edited = mapPayload(body, framing, resumption);
    if (resumption.says === undefined) return { ...response, body: edited };
    const says = (words: string) => pieceOf(resumption.says?.(words) ?? new Uint8Array(), framing);
    return { ...response, body: leavable(exchange, edited, says) };
  }
  const whole = mapPayload(body, { kind: "close" }, resumption);
  return withResponseBody(response, await collect(whole, MAX_WHOLE_BYTES));
}

/** The body, gone on with from another answer each time the connection was lost under it. */
export function mended(
  exchange: Exchange,
  first: Body,
  isLoss: IsLoss,
  ask: () => Promise<ResponseMessage>,
): Body {
  let body = first;
  return {
    async read() {
      for (;;) {
        try {
          return await body.read();
        } catch (error) {
          // The end of a client that leaves ends its answer, over a gateway as if it were cut.
          const isLeft = exchange.signal.aborted || exchange.isLeft?.() === true;
          if (isLeft || !isLoss(error)) throw error;
          exchange.log.info("The connection was lost; the answer goes on when it is back");
        }
        const response = await ask();
        // What was followed is gone meanwhile: that is its end.
        body = response.head.status === 200 ? response.body : bodyOf(new Uint8Array());
      }
    },
  };
}

/** Leaves the payload as it is, in a framing of our own. */
export const UNCHANGED: PayloadEdit = { push: (data) => [data], rest: () => [] };
