/**
 * What every interceptor of the creation of containers needs: how much of it is read, and `Warnings` in
 * its answer, which every client shows.
 */
import type { Exchange, Interceptor } from "../docker/exchange.ts";
import {
  encodeEdited,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
} from "../docker/json_body.ts";
import { takeJson } from "../docker/request_body.ts";
import { collect, type ResponseMessage, withResponseBody } from "../http/message.ts";

/** Bytes of a create request; a Compose project with large inline configuration has some 100 KiB. */
export const MAX_CREATE_BYTES = 16 * 1024 * 1024;
/** Bytes of its answer: an id and warnings. */
export const MAX_CREATED_BYTES = 1024 * 1024;

/**
 * Sends a creation on as it is. Where `concerns` says so of its body, the answer has one more of its
 * `Warnings`, and the log has it too.
 */
export async function createWithWarning(
  exchange: Exchange,
  next: Parameters<Interceptor>[1],
  { concerns, warning }: { concerns: (body: JsonObject) => boolean; warning: string },
): Promise<ResponseMessage> {
  const body = await takeJson(exchange, MAX_CREATE_BYTES);
  const isConcerned = isObject(body) && concerns(body);
  const response = await next();
  if (!isConcerned || response.head.status !== 201) return response;
  exchange.log.warn(warning);
  const bytes = await collect(response.body, MAX_CREATED_BYTES);
  return withResponseBody(response, withWarnings(bytes, parseJson(bytes), [warning]));
}

/** The answer to a creation, `bytes`, with more `Warnings`; what is no such answer stays as it is. */
export function withWarnings(
  bytes: Uint8Array,
  reply: Json,
  warnings: readonly string[],
): Uint8Array {
  if (warnings.length === 0 || !isObject(reply)) return bytes;
  const said = Array.isArray(reply["Warnings"]) ? reply["Warnings"] : [];
  return encodeEdited({ ...reply, Warnings: [...said, ...warnings] }, bytes);
}
