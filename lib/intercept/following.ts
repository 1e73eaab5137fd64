/**
 * Follows what happens to containers: looks at all of them after each connection to the engine, then hears
 * of its events.
 */
import { type EventWatcherOptions, watchEvents } from "../docker/events.ts";

/** Who is told. */
export interface Followed {
  /** Looks at every container there is. */
  lookAtAll(): Promise<void>;
  handle: EventWatcherOptions["onEvent"];
}

/** See the file comment. The maker closes it. */
export class Following {
  readonly #closing = new AbortController();
  #watching: Promise<void> = Promise.resolve();
  #looking: Promise<void> = Promise.resolve();

  /** Begins, once. */
  start(containers: Followed, options: Pick<EventWatcherOptions, "filters" | "open">): void {
    this.#watching = watchEvents({
      ...options,
      onConnected: () => void (this.#looking = containers.lookAtAll()),
      onEvent: (event) => containers.handle(event),
    }, this.#closing.signal);
  }

  /** Stops at once, and settles when nothing is under way any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#watching;
    await this.#looking;
  }
}
