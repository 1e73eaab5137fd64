/**
 * Finds the addresses of containers by asking the engine. What it answered is kept for as long as
 * the engine's events are followed and tell of no change; while they are not, every question is asked
 * anew. It follows them from the first question on, and owns its connections to the engine.
 */
import { EngineClient } from "../docker/engine_client.ts";
import { watchEvents } from "../docker/events.ts";
import type { Logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import { BridgeFailure } from "./failure.ts";
import { type NameTable, nameTable } from "./names.ts";

/** Streams to the engine. */
export interface EngineStreams {
  /** Waits a bounded time for the remote host. */
  open(signal?: AbortSignal): Promise<Duplex>;
  /** Waits for it as long as it takes. */
  openWhenUp(signal: AbortSignal): Promise<Duplex>;
}

/** What changes who is there or where; of the many other events none need be told. */
const FILTERS = {
  type: ["container", "network"],
  event: ["start", "die", "destroy", "rename", "connect", "disconnect"],
};

/** See the file comment. */
export class ContainerDirectory {
  readonly #streams: EngineStreams;
  readonly #log: Logger;
  readonly #client: EngineClient;
  readonly #closing = new AbortController();
  #following: Promise<void> | undefined;
  #isTold = false;
  #table: NameTable | undefined;
  #asking: Promise<NameTable> | undefined;

  constructor(streams: EngineStreams, log: Logger) {
    this.#streams = streams;
    this.#log = log;
    this.#client = new EngineClient((signal) => streams.open(signal));
  }

  /**
   * The addresses of a name that `isContainerName` knows, at least one. Throws `BridgeFailure` when
   * no running container is called so, and what asking the engine threw.
   */
  async find(name: string): Promise<readonly string[]> {
    this.#follow();
    const kept = this.#isTold ? this.#table?.find(name) ?? [] : [];
    if (kept.length > 0) return kept;
    // One that was started a moment ago may be ahead of the event that tells of it.
    const found = (await this.#ask()).find(name);
    if (found.length > 0) return found;
    throw new BridgeFailure("unreachable", `No running container is called "${name}"`);
  }

  /** Stops following. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#client.close();
    await this.#following;
  }

  #ask(): Promise<NameTable> {
    const asking = this.#asking ??= this.#list().finally(() => {
      if (this.#asking === asking) this.#asking = undefined;
    });
    return asking;
  }

  async #list(): Promise<NameTable> {
    const asked = this.#client.get("/containers/json", { signal: this.#closing.signal });
    const { status, body } = await asked;
    if (status !== 200) throw new BridgeFailure("failed", `The engine answered ${status}`);
    const table = nameTable(body);
    // An event meanwhile has set another question off, whose answer counts.
    if (this.#isTold) this.#table = table;
    return table;
  }

  #follow(): void {
    if (this.#closing.signal.aborted) return;
    this.#following ??= watchEvents({
      open: async (signal) => {
        this.#isTold = false;
        return await this.#streams.openWhenUp(signal);
      },
      filters: FILTERS,
      onConnected: () => {
        this.#forget();
        this.#isTold = true;
      },
      onEvent: ({ action }) => {
        this.#log.trace("The containers have changed", { action });
        this.#forget();
      },
    }, this.#closing.signal);
  }

  /** What is known, and what is being asked, was true before. */
  #forget(): void {
    this.#table = undefined;
    this.#asking = undefined;
  }
}
