/**
 * Request bodies that an interceptor has to see whole before the engine does. A body that nobody
 * changed goes on as it came, head included; a changed one is framed anew.
 */
import { messageOf } from "../errors.ts";
import { expectsContinue } from "../http/body_framing.ts";
import { bodyOf, collect, withHead, withRequestBody } from "../http/message.ts";
import { ReplyError } from "./error_reply.ts";
import type { Exchange } from "./exchange.ts";
import { repeatsMember } from "./fields.ts";
import { encodeJson, type Json, parseJson } from "./json_body.ts";

/**
 * The payload of the request, which stays what will be sent on. A client that waits for `100
 * Continue` gets it from here, since the engine does not see the request before it is whole (RFC
 * 9110 §10.1.1). Throws `HttpParseError` 413 above `limit` bytes.
 */
export async function takeBody(exchange: Exchange, limit: number): Promise<Uint8Array> {
  if (expectsContinue(exchange.request.head)) await expectNothing(exchange);
  const { request } = exchange;
  const bytes = await collect(request.body, limit);
  exchange.request = request.framing.kind === "chunked"
    ? withRequestBody(request, bytes)
    : { ...request, body: bodyOf(bytes) };
  return bytes;
}

/**
 * As {@link takeBody}, as JSON; null for no body at all, of which the engine has its own opinion.
 * Throws {@link ReplyError} 400 for what is not JSON, or can be read in two ways.
 */
export async function takeJson(exchange: Exchange, limit: number): Promise<Json> {
  const bytes = await takeBody(exchange, limit);
  if (bytes.length === 0) return null;
  const value = parsed(bytes);
  if (!repeatsMember(new TextDecoder().decode(bytes), value)) return value;
  throw new ReplyError(400, "invalid JSON: an object has two members of one name");
}

function parsed(bytes: Uint8Array): Json {
  try {
    return parseJson(bytes);
  } catch (cause) {
    throw new ReplyError(400, messageOf(cause), { cause });
  }
}

/** Sends `value` in the place of the body that was taken. */
export function replaceJson(exchange: Exchange, value: Json): void {
  exchange.request = withRequestBody(exchange.request, encodeJson(value));
}

async function expectNothing(exchange: Exchange): Promise<void> {
  await exchange.proceed();
  const { request } = exchange;
  request.head.headers.delete("Expect");
  exchange.request = withHead(request, request.head);
}
