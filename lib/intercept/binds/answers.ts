/** Answers of the engine about a container with mounts of ours, on their way to the user. */
import { encodeEdited, isObject, parseJson } from "../../docker/json_body.ts";
import { type Body, collect, type ResponseMessage, withResponseBody } from "../../http/message.ts";
import type { BoundMount } from "./label.ts";
import { showBindsText } from "./views.ts";

/** Bytes of an error; the engine's are one sentence. */
const MAX_ERROR_BYTES = 1024 * 1024;

/** An error with the sources that the user knows in the place of the remote copies. */
export async function refusedInLocalWords(
  response: ResponseMessage,
  mounts: readonly BoundMount[],
): Promise<ResponseMessage> {
  if (response.head.status < 400 || response.framing.kind === "none") return response;
  const bytes = await collect(response.body, MAX_ERROR_BYTES);
  const text = new TextDecoder().decode(bytes);
  if (!mounts.some(({ remote, isVolume }) => isVolume || text.includes(remote))) {
    return withResponseBody(response, bytes);
  }
  const body = parseJson(bytes);
  if (!isObject(body) || typeof body["message"] !== "string") {
    return withResponseBody(response, bytes);
  }
  const message = showBindsText(body["message"], mounts);
  return withResponseBody(response, encodeEdited({ ...body, message }, bytes));
}

/**
 * The same body, whose first bytes wait for `release`. The head is not held: the docker CLI sends
 * `start` only after it has seen the head of the answer to `wait`.
 */
export function heldBody(body: Body, release: () => Promise<void>): Body {
  let released = false;
  return {
    async read() {
      const piece = await body.read();
      const matters = piece === null || piece.data.some((data) => data.length > 0);
      if (!released && matters) {
        released = true;
        await release();
      }
      return piece;
    },
  };
}
