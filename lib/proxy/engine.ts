/**
 * The engine as the proxy sees it: sends one exchange over a pooled connection and says in Docker's
 * shape what could not be done. A GET that died unanswered is sent once more; anything else that
 * might have had an effect is not, and its client learns that the connection was lost.
 */
import { AgentError, describeError } from "../errors.ts";
import { ReplyError } from "../docker/error_reply.ts";
import type { Exchange } from "../docker/exchange.ts";
import { bodyOf } from "../http/message.ts";
import { HttpParseError } from "../http/parse_error.ts";
import type { Answer, ClientSide, Upstream } from "./upstream.ts";
import type { UpstreamPool } from "./upstream_pool.ts";

/** An answer under way and the connection it comes over, which now belongs to the caller. */
export interface EngineAnswer extends Answer {
  upstream: Upstream;
  /** Where the connection goes back to. */
  pool: UpstreamPool;
}

const IDEMPOTENT = new Set(["GET", "HEAD"]);
const EMPTY = new Uint8Array();

/**
 * Sends `exchange.request`. Aborting the exchange's signal
 * closes the connection. Throws {@link ReplyError} with 502 when the connection was lost before an
 * answer, 503 when there is none to be had, or the client's own error.
 */
export async function sendToEngine(
  pool: UpstreamPool,
  exchange: Exchange,
  client: ClientSide,
): Promise<EngineAnswer> {
  const { request, signal } = exchange;
  const repeatable = IDEMPOTENT.has(request.head.method) && request.framing.kind === "none";
  if (repeatable) {
    await request.body.read();
    request.body = bodyOf(EMPTY);
  }
  for (let attempt = 1;; attempt++) {
    const upstream = await acquire(pool, exchange, repeatable);
    const abort = () => upstream.close();
    signal.addEventListener("abort", abort);
    try {
      const answer = await upstream.exchange(request, client);
      return { ...answer, upstream, pool };
    } catch (error) {
      upstream.close();
      if (error instanceof HttpParseError || error instanceof ReplyError) throw error;
      if (repeatable && attempt === 1 && !signal.aborted) {
        exchange.log.debug("The connection was lost before the answer; asking once more");
        continue;
      }
      throw lost(exchange, error);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}

async function acquire(
  pool: UpstreamPool,
  { request, route, signal }: Exchange,
  repeatable: boolean,
): Promise<Upstream> {
  const host = request.head.headers.get("Host") ?? "docker";
  try {
    return await pool.acquire(route?.lane ?? "interactive", { signal, repeatable, host });
  } catch (cause) {
    if (!(cause instanceof AgentError)) throw cause;
    throw new ReplyError(503, describeError(cause), { cause });
  }
}

function lost(exchange: Exchange, cause: unknown): ReplyError {
  const { method, target } = exchange.request.head;
  return new ReplyError(
    502,
    `The connection to the remote engine was lost during ${method} ${target.split("?", 1)[0]}; ` +
      "the request may or may not have taken effect",
    { cause },
  );
}
