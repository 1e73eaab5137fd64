/**
 * Starts around the loss of a connection. `docker run` attaches first; when the connection is lost
 * between that and the start (while a folder is made ready, for example), the container would do its
 * work, and with `--rm` be gone with all that it has said. It is not started, and the client told so. If
 * the start itself is lost, it may or may not have come to the engine: one that has not leaves nothing
 * behind that anybody would wait for.
 */
import { ReplyError } from "../../docker/error_reply.ts";
import type { Exchange } from "../../docker/exchange.ts";
import { isObject, type JsonObject, parseJson } from "../../docker/json_body.ts";
import { messageOf } from "../../errors.ts";
import { collect, type ResponseMessage } from "../../http/message.ts";
import { getRequest } from "./asking.ts";
import type { LostStreams } from "./lost_streams.ts";
import { isUnbegun, type LostStarts, removeUnbegun } from "./unbegun.ts";

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** What a start depends on beside its own connection. */
export interface StartSurroundings {
  readonly attached: LostStreams;
  readonly lostStarts: LostStarts;
  /** Whether the remote host is connected, as far as is known. */
  readonly isUp: () => boolean;
}

/** Starts the container, unless it is new and the stream of who attached to it is lost. */
export async function startHeard(
  exchange: Exchange,
  next: () => Promise<ResponseMessage>,
  { attached, lostStarts, isUp }: StartSurroundings,
): Promise<ResponseMessage> {
  const id = exchange.route?.params["id"] ?? "";
  if (attached.has(id)) await refuseUnheard(exchange, id, attached);
  lostStarts.forget(id);
  try {
    return await next();
  } catch (error) {
    const isLost = error instanceof ReplyError && (error.status === 502 || error.status === 503);
    if (!isLost || exchange.signal.aborted) throw error;
    lostStarts.note(id);
    // Where the host is away, who waits for the end of the container looks after it later.
    if (isUp()) await clearUp(exchange, id);
    throw error;
  }
}

async function refuseUnheard(
  exchange: Exchange,
  id: string,
  attached: LostStreams,
): Promise<void> {
  const container = await inspect(exchange, id);
  if (container === undefined || !isUnbegun(container)) return;
  attached.forget(id);
  await removeUnbegun(exchange, id, container);
  throw new ReplyError(
    502,
    "The connection to the remote host was lost before the container was started, and with it the " +
      "stream for its output; it was not started, run the command again",
  );
}

async function clearUp(exchange: Exchange, id: string): Promise<void> {
  try {
    const container = await inspect(exchange, id);
    if (container !== undefined && isUnbegun(container)) {
      await removeUnbegun(exchange, id, container);
    }
  } catch (error) {
    // The client is told of the loss itself; see above for who looks again.
    exchange.log.debug(`Cannot look after a start that was lost: ${messageOf(error)}`);
  }
}

async function inspect(exchange: Exchange, id: string): Promise<JsonObject | undefined> {
  const path = `/containers/${encodeURIComponent(id)}/json`;
  const seen = await exchange.again(getRequest(exchange, path));
  const container = parseJson(await collect(seen.body, MAX_ANSWER_BYTES));
  return seen.head.status === 200 && isObject(container) ? container : undefined;
}
