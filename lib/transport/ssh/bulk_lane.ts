/**
 * The second connection to a host, for large transfers. It is opened in the background, replaced on
 * the next use after it died, and done without if it cannot be had. It owns its connection.
 */
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Connection } from "./connection.ts";

/** How long a transfer waits for the connection before it takes the interactive one. */
const WAIT_MS = 3_000;
/** How long to leave a host alone that refused a second connection. */
const RETRY_AFTER_MS = 60_000;

/** See the file comment. */
export class BulkLane {
  readonly #connect: (signal: AbortSignal) => Promise<Connection>;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  #connection: Connection | undefined;
  #opening: Promise<void> | undefined;
  #failedAt: number | undefined;
  #warned = false;

  constructor(connect: (signal: AbortSignal) => Promise<Connection>, log: Logger) {
    this.#connect = connect;
    this.#log = log;
  }

  /** Opens the connection unless it is open, being opened, or has just been refused. */
  warm(): Promise<void> {
    if (this.#abort.signal.aborted || this.#connection?.isOpen || this.#isRefused()) {
      return Promise.resolve();
    }
    this.#opening ??= this.#open().finally(() => this.#opening = undefined);
    return this.#opening;
  }

  /** The connection, waiting a little for it, or `undefined` if there is none. */
  async get(): Promise<Connection | undefined> {
    if (this.#connection?.isOpen) return this.#connection;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, WAIT_MS);
    try {
      await Promise.race([this.warm(), promise]);
    } finally {
      clearTimeout(timer);
    }
    return this.#connection?.isOpen ? this.#connection : undefined;
  }

  #isRefused(): boolean {
    return this.#failedAt !== undefined && performance.now() - this.#failedAt < RETRY_AFTER_MS;
  }

  async #open(): Promise<void> {
    const { signal } = this.#abort;
    try {
      const connection = await this.#connect(signal);
      if (signal.aborted) connection.close();
      else this.#connection = connection;
      this.#failedAt = undefined;
    } catch (error) {
      if (signal.aborted) return;
      this.#failedAt = performance.now();
      if (!this.#warned) {
        this.#warned = true;
        this.#log.warn("No second connection; large transfers share the first", {
          error: messageOf(error),
        });
      }
    }
  }

  /** Closes the connection, or gives up opening it. Idempotent. */
  close(): void {
    this.#abort.abort();
    this.#connection?.close();
  }
}
