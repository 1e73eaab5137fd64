/** Requests to go on with, and how long to try. */
import { ReplyError } from "../../docker/error_reply.ts";
import type { Exchange } from "../../docker/exchange.ts";
import { encodeRequestHead, HeaderList } from "../../http/head.ts";
import { bodyOf, type RequestMessage, type ResponseMessage } from "../../http/message.ts";
import { sleep } from "../../system/sleep.ts";

/** How long a lost connection is waited for, and between two attempts. */
const PATIENCE_MS = 15 * 60_000;
const PAUSE_MS = 500;
const NOTHING = new Uint8Array();

/** A request of our own, of the same API version and for the same host: a gateway asks for its own. */
export function getRequest(exchange: Exchange, path: string): RequestMessage {
  return ownRequest(exchange, "GET", path);
}

/** The same with any method; there is no body. */
export function ownRequest(exchange: Exchange, method: string, path: string): RequestMessage {
  const version = exchange.route?.version;
  const target = version === undefined ? path : `/v${version}${path}`;
  const host = exchange.request.head.headers.get("Host") ?? "docker";
  const headers = new HeaderList([["Host", host]]);
  const head = { method, target, version: "1.1" as const, headers };
  const raw = encodeRequestHead(head);
  return { head: { ...head, raw }, framing: { kind: "none" }, body: bodyOf(NOTHING) };
}

/** Asks until the engine can be reached again; throws when that takes too long. */
export async function askWhenBack(
  exchange: Exchange,
  makeRequest: () => RequestMessage,
): Promise<ResponseMessage> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      // The end of the client's own body has been taken with the first request.
      return await exchange.again({ ...makeRequest(), body: bodyOf(NOTHING) });
    } catch (error) {
      const away = error instanceof ReplyError && (error.status === 502 || error.status === 503);
      if (!away || exchange.signal.aborted || performance.now() > deadline) throw error;
    }
    await sleep(PAUSE_MS, exchange.signal);
  }
}
