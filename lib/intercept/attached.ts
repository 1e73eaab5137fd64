/**
 * Clients attached to containers that have not been started. The engine ends such connections when a
 * start fails, and cannot know of one that fails here; whoever fails it hangs up in its place.
 */
import type { Exchange } from "../docker/exchange.ts";
import type { ResponseMessage } from "../http/message.ts";

/** Containers with somebody attached before their start; of more, the oldest are not noted. */
const MAX_ATTACHED = 1024;

/** See the file comment. */
export class AttachedClients {
  readonly #hangUps = new Map<string, (() => void)[]>();

  /** Notes the client of an attach that the engine has answered. `id` is as the client wrote it. */
  note(id: string, { hangUp }: Exchange, response: ResponseMessage): ResponseMessage {
    if (response.head.status !== 101 && response.head.status !== 200) return response;
    this.#hangUps.set(id, [...this.#hangUps.get(id) ?? [], hangUp]);
    const [oldest] = this.#hangUps.keys();
    if (this.#hangUps.size > MAX_ATTACHED && oldest !== undefined) this.#hangUps.delete(oldest);
    return response;
  }

  /** Those of a container whose start begins; the result hangs up on them. */
  take(id: string): () => void {
    const waiting = this.#hangUps.get(id) ?? [];
    this.#hangUps.delete(id);
    return () => waiting.forEach((hangUp) => hangUp());
  }
}
