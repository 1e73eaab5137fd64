/**
 * Containers that were made and never started. Who runs one with `--rm` waits for its removal also when
 * its start fails, and the engine removes it then. It cannot where the start has not come to it: whoever
 * knows that does so in its place.
 */
import type { Exchange } from "../../docker/exchange.ts";
import { field, objectField, stringField } from "../../docker/fields.ts";
import type { JsonObject } from "../../docker/json_body.ts";
import { collect } from "../../http/message.ts";
import { ownRequest } from "./asking.ts";

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Starts that are remembered; of more, the oldest are forgotten. */
const MAX_STARTS = 1024;

/** Made, and never started. `container` is as the engine inspects it. */
export function isUnbegun(container: JsonObject): boolean {
  const state = objectField(container, "State");
  return state !== undefined && stringField(state, "Status") === "created";
}

/**
 * Removes such a container if it was to be removed at its end. The engine refuses that for one that runs
 * by now. Returns whether it is gone; throws where the engine cannot be asked.
 */
export async function removeUnbegun(
  exchange: Exchange,
  id: string,
  container: JsonObject,
): Promise<boolean> {
  const host = objectField(container, "HostConfig");
  if (host === undefined || field(host, "AutoRemove") !== true) return false;
  const path = `/containers/${encodeURIComponent(id)}?v=1`;
  const { head, body } = await exchange.again(ownRequest(exchange, "DELETE", path));
  await collect(body, MAX_ANSWER_BYTES);
  return head.status < 300 || head.status === 404;
}

/** Starts of which nobody knows whether they have come to the engine, by what the client calls them. */
export class LostStarts {
  readonly #ids = new Set<string>();

  note(id: string): void {
    this.#ids.delete(id);
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > MAX_STARTS && oldest !== undefined) this.#ids.delete(oldest);
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Another one is on its way, or what was to be done is done. */
  forget(id: string): void {
    this.#ids.delete(id);
  }
}
