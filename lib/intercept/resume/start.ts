/**
 * A start whose output would go nowhere. `docker run` attaches first; when the connection is lost
 * between that and the start (while a folder is made ready, for example), the container would do its
 * work, and with `--rm` be gone with all that it has said. It is not started, and the client told so.
 */
import { ReplyError } from "../../docker/error_reply.ts";
import type { Exchange } from "../../docker/exchange.ts";
import { field, objectField, stringField } from "../../docker/fields.ts";
import { isObject, type JsonObject, parseJson } from "../../docker/json_body.ts";
import { collect, type ResponseMessage } from "../../http/message.ts";
import { ownRequest } from "./asking.ts";
import type { LostStreams } from "./lost_streams.ts";

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Starts the container, unless it is new and the stream of who attached to it is lost. */
export async function startHeard(
  exchange: Exchange,
  next: () => Promise<ResponseMessage>,
  attached: LostStreams,
): Promise<ResponseMessage> {
  const id = exchange.route?.params["id"] ?? "";
  if (!attached.has(id)) return await next();
  const path = `/containers/${encodeURIComponent(id)}`;
  const seen = await exchange.again(ownRequest(exchange, "GET", `${path}/json`));
  const container = parseJson(await collect(seen.body, MAX_ANSWER_BYTES));
  if (seen.head.status !== 200 || !isObject(container) || !isNew(container)) return await next();
  attached.forget(id);
  // As the engine does when a start fails; `docker run` waits for it.
  if (isRemovedAtEnd(container)) {
    const removed = await exchange.again(ownRequest(exchange, "DELETE", `${path}?v=1&force=1`));
    await collect(removed.body, MAX_ANSWER_BYTES);
  }
  throw new ReplyError(
    502,
    "The connection to the remote host was lost before the container was started, and with it the " +
      "stream for its output; it was not started, run the command again",
  );
}

/** Made, and never started. */
function isNew(container: JsonObject): boolean {
  const state = objectField(container, "State");
  return state !== undefined && stringField(state, "Status") === "created";
}

function isRemovedAtEnd(container: JsonObject): boolean {
  const host = objectField(container, "HostConfig");
  return host !== undefined && field(host, "AutoRemove") === true;
}
