/** The query of a request under way. */
import { withQuery } from "../http/message.ts";
import type { Exchange } from "./exchange.ts";

/** Sends the request on with another query, which is the one that the next layers see. */
export function setQuery(exchange: Exchange, query: URLSearchParams): void {
  exchange.request = withQuery(exchange.request, query);
  if (exchange.route !== undefined) exchange.route = { ...exchange.route, query };
}
