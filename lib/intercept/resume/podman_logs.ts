/**
 * Logs of Podman from a container with a terminal. Podman writes a line there as it came, in parts, and
 * the time before each of them, so that a time asked for by us could not be told from the text: such
 * logs are passed on as they are, and end with the connection.
 */
import type { Exchange } from "../../docker/exchange.ts";
import { objectField } from "../../docker/fields.ts";
import { isObject, parseJson } from "../../docker/json_body.ts";
import { collect, type ResponseMessage } from "../../http/message.ts";
import { getRequest } from "./asking.ts";
import { isTrue } from "./log_stream.ts";

/** In each answer of an engine, and of Podman only (pkg/api/server/handler_api.go). */
const ENGINE_HEADER = "Api-Version";
const PODMAN_HEADER = "Libpod-Api-Version";
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** See the file comment. What the engine is, its answers tell; clients ask others before they ask for logs. */
export class PodmanLogs {
  #isPodman = false;

  /** Looks at an answer, and gives it back. */
  noted(response: ResponseMessage): ResponseMessage {
    const { headers } = response.head;
    if (headers.get(ENGINE_HEADER) !== undefined) {
      this.#isPodman = headers.get(PODMAN_HEADER) !== undefined;
    }
    return response;
  }

  /** Whether times that the client has not asked for would be mixed with the logs it asks for. */
  async mixesTimes(exchange: Exchange): Promise<boolean> {
    const { route } = exchange;
    if (!this.#isPodman || isTrue(route?.query.get("timestamps") ?? null)) return false;
    const path = `/containers/${encodeURIComponent(route?.params["id"] ?? "")}/json`;
    const answer = await exchange.again(getRequest(exchange, path));
    const bytes = await collect(answer.body, MAX_ANSWER_BYTES);
    const container = answer.head.status === 200 ? parseJson(bytes) : undefined;
    return isObject(container) && objectField(container, "Config")?.["Tty"] === true;
  }
}
