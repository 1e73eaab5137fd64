/**
 * A further connection to a host, for what shall not share the first one. It is opened in the
 * background, replaced on the next use after it died, and done without if it cannot be had. It owns
 * its connection.
 */
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Connection } from "./connection.ts";

/** How long {@link SideLane.get} waits for the connection before the interactive one is taken. */
const WAIT_MS = 3_000;
/** How long to leave a host alone that refused the connection. */
const RETRY_AFTER_MS = 60_000;

/** See the file comment. */
export class SideLane {
  readonly #connect: (signal: AbortSignal) => Promise<Connection>;
  readonly #log: Logger;
  readonly #without: string;
  readonly #abort = new AbortController();
  #connection: Connection | undefined;
  #opening: Promise<void> | undefined;
  #failedAt: number | undefined;
  #warned = false;

  /** `without` is what to log when the connection cannot be had. */
  constructor(
    connect: (signal: AbortSignal) => Promise<Connection>,
    log: Logger,
    without: string,
  ) {
    this.#connect = connect;
    this.#log = log;
    this.#without = without;
  }

  /** The connection if it is open now. */
  get open(): Connection | undefined {
    return this.#connection?.isOpen ? this.#connection : undefined;
  }

  /** Opens the connection unless it is open, being opened, or has just been refused. */
  warm(): Promise<void> {
    if (this.#abort.signal.aborted || this.open !== undefined || this.#isRefused()) {
      return Promise.resolve();
    }
    this.#opening ??= this.#open().finally(() => this.#opening = undefined);
    return this.#opening;
  }

  /** The connection, waiting a little for it, or `undefined` if there is none. */
  async get(): Promise<Connection | undefined> {
    if (this.open !== undefined) return this.open;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, WAIT_MS);
    try {
      await Promise.race([this.warm(), promise]);
    } finally {
      clearTimeout(timer);
    }
    return this.open;
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
        this.#log.warn(this.#without, { error: messageOf(error) });
      }
    }
  }

  /** Closes the connection, or gives up opening it. Idempotent. */
  close(): void {
    this.#abort.abort();
    this.#connection?.close();
  }
}
