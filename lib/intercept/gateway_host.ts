/**
 * Requests on their way to a gateway carry its name as `Host`: a gateway that chooses the engine by the
 * SNI name refuses a request that says something else, and what clients say is where they found us.
 */
import type { Interceptor } from "../docker/exchange.ts";
import { encodeRequestHead } from "../http/head.ts";

/** An interceptor of every operation; the innermost one, so that nothing is sent past it. */
export function gatewayHost(name: string): Interceptor {
  return async (exchange, next) => {
    const { request } = exchange;
    const { head } = request;
    head.headers.set("Host", name);
    exchange.request = { ...request, head: { ...head, raw: encodeRequestHead(head) } };
    return await next();
  };
}
