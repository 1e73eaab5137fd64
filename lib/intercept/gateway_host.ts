/**
 * Requests on their way to a gateway carry its name as `Host`: a gateway that chooses the engine by the
 * SNI name refuses a request that says something else, and what clients say is where they found us.
 */
import type { Interceptor } from "../docker/exchange.ts";
import { withHead } from "../http/message.ts";

/** An interceptor of every operation; the innermost one, so that nothing is sent past it. */
export function gatewayHost(name: string): Interceptor {
  return async (exchange, next) => {
    const { request } = exchange;
    request.head.headers.set("Host", name);
    exchange.request = withHead(request, request.head);
    return await next();
  };
}
