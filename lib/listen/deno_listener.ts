/**
 * The accept loop over a `Deno.Listener` (TCP, Unix socket). It survives what one bad client or a
 * short shortage can do to `accept` (deno#9123) and ends only when the listener is closed. Owns the
 * `Deno.Listener`.
 */
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { formatDockerHost, type ListenAddress } from "../net/address.ts";
import { denoConnDuplex } from "../net/deno_conn.ts";
import type { Duplex } from "../net/duplex.ts";
import { type ClientHandler, type Listener, serveClient } from "./listener.ts";
import { sleep } from "../system/sleep.ts";

/** Pauses after a failed accept: doubling, as Go's net/http does. In milliseconds. */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 1000;

/** The part of `Deno.Listener` the loop needs. */
export interface Acceptor {
  accept(): Promise<Deno.Conn>;
  close(): void;
}

/** What the kinds of Deno listeners differ in. */
export interface DenoListenerOptions {
  address: ListenAddress;
  log: Logger;
  /** Prepares an accepted connection and names the client; a throw drops the connection. */
  welcome: (conn: Deno.Conn) => string;
  /** Closes the listener and gives the address back. Default: `listener.close()`. */
  release?: () => void;
  /** Waits between failed accepts; ends early when aborted. Default: a timer. */
  pause?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Makes a {@link Listener} of `listener`. */
export function denoListener(listener: Acceptor, options: DenoListenerOptions): Listener {
  return new DenoListener(listener, options);
}

class DenoListener implements Listener {
  readonly address: ListenAddress;
  readonly dockerHost: string;
  readonly mutualTls = false;
  readonly #listener: Acceptor;
  readonly #options: DenoListenerOptions;
  readonly #closing = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(listener: Acceptor, options: DenoListenerOptions) {
    this.address = options.address;
    this.dockerHost = formatDockerHost(options.address);
    this.#listener = listener;
    this.#options = options;
  }

  serve(handler: ClientHandler): void {
    this.#loop ??= this.#acceptAll(handler);
  }

  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort();
      try {
        (this.#options.release ?? (() => this.#listener.close()))();
      } catch (error) {
        this.#options.log.warn("Failed to close a listener", { error: messageOf(error) });
      }
    }
    await this.#loop;
  }

  async #acceptAll(handler: ClientHandler): Promise<void> {
    const { log, pause = sleep } = this.#options;
    let delay = 0;
    while (!this.#closing.signal.aborted) {
      try {
        const conn = await this.#listener.accept();
        delay = 0;
        this.#welcome(conn, handler);
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        delay = Math.min(LONGEST_PAUSE, delay === 0 ? FIRST_PAUSE : delay * 2);
        log.warn("Failed to accept a client", { error: messageOf(error), retryInMs: delay });
        await pause(delay, this.#closing.signal);
      }
    }
  }

  #welcome(conn: Deno.Conn, handler: ClientHandler): void {
    let duplex: Duplex | undefined;
    try {
      const remote = this.#options.welcome(conn);
      duplex = denoConnDuplex(conn);
      void serveClient(handler, duplex, { remote }, this.#options.log);
    } catch (error) {
      // The client left between accept and here.
      this.#options.log.debug("Dropped a client", { error: messageOf(error) });
      if (duplex === undefined) conn.close();
    }
  }
}
