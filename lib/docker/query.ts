/** The query of a request with other parameters in it. Pure. */
import { encodeRequestHead } from "../http/head.ts";
import type { RequestMessage } from "../http/message.ts";

/**
 * The request with another query. One whose own query the engine refuses as a whole stays as it is:
 * written anew it would hide from the engine what is wrong with it.
 */
export function withQuery(request: RequestMessage, query: URLSearchParams): RequestMessage {
  const [path = "", ...written] = request.head.target.split("?");
  if (isRefused(written.join("?"))) return request;
  const target = query.size === 0 ? path : `${path}?${query}`;
  const head = { ...request.head, target };
  return { ...request, head: { ...head, raw: encodeRequestHead(head) } };
}

/** Go's `url.ParseQuery` takes neither semicolons nor a percent sign without two hex digits. */
function isRefused(query: string): boolean {
  return /;|%(?![0-9a-f]{2})/i.test(query);
}
