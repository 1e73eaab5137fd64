/**
 * One local TCP address whose every client is served by a function. It owns the listener, and each
 * client until its handler is done; what a connection is closed with tells the client whether all went
 * well (`socket.ts`).
 */
import { createServer, type Server, type Socket } from "node:net";
import { describeError, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import { type Counters, newCounters } from "./counters.ts";
import { clientSocket } from "./socket.ts";

/** An address and a port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Serves one client, whose stream is closed when this settles. `signal` aborts when the listener is
 * closed.
 */
export type ServeClient = (client: Duplex, socket: Socket, signal: AbortSignal) => Promise<void>;

/** What a listener is made of. */
export interface ClientListenerOptions {
  /** Clients at a time; what comes beyond is reset. */
  readonly maxClients: number;
  readonly log: Logger;
}

/** Linux's own default of `net.core.somaxconn`. */
const BACKLOG = 4096;
/** Before the first keep-alive probe, as docker-proxy (Go's net package) has it. */
const KEEP_ALIVE_MS = 15_000;

/** Takes an address (port 0: any free one). Rejects with what `node:net` reports. */
export async function listenForClients(
  { host, port }: HostPort,
  options: ClientListenerOptions,
): Promise<ClientListener> {
  const server = createServer({
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    pauseOnConnect: true,
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: BACKLOG, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return new ClientListener(server, options);
}

/** See the file comment. */
export class ClientListener {
  readonly local: HostPort;
  readonly counters: Counters = newCounters();
  readonly #server: Server;
  readonly #options: ClientListenerOptions;
  readonly #closing = new AbortController();
  readonly #clients = new Set<Promise<void>>();
  #handler: ServeClient | undefined;
  #isFull = false;

  constructor(server: Server, options: ClientListenerOptions) {
    this.#server = server;
    this.#options = options;
    this.local = addressOf(server);
    server.on("error", (error) => {
      options.log.warn("Failed to accept a client", { error: messageOf(error) });
    });
    server.on("connection", (socket) => this.#accept(socket));
  }

  /** Begins to serve; clients that came before were reset. */
  serve(handler: ServeClient): void {
    this.#handler = handler;
  }

  /** Gives the address back and ends every client; settles when all is done. */
  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort();
      await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    }
    await Promise.all(this.#clients);
  }

  #accept(socket: Socket): void {
    const handler = this.#closing.signal.aborted ? undefined : this.#handler;
    const wasFull = this.#isFull;
    this.#isFull = this.#clients.size >= this.#options.maxClients;
    // A flood of them is told of once.
    if (this.#isFull && !wasFull) this.#tellFull();
    if (handler === undefined || this.#isFull) {
      socket.on("error", () => {}); // it is being thrown away
      socket.resetAndDestroy();
      return;
    }
    const served = this.#serve(socket, handler).finally(() => this.#clients.delete(served));
    this.#clients.add(served);
  }

  async #serve(socket: Socket, handler: ServeClient): Promise<void> {
    const { counters } = this;
    const { signal } = this.#closing;
    const client = clientSocket(socket);
    const end = () => client.close();
    signal.addEventListener("abort", end, { once: true });
    counters.open++;
    counters.total++;
    try {
      await handler(client, socket, signal);
    } catch (error) {
      if (!signal.aborted) this.#tell(error);
    } finally {
      signal.removeEventListener("abort", end);
      client.close();
      counters.open--;
    }
  }

  #tellFull(): void {
    const { maxClients, log } = this.#options;
    log.warn(`Refused a client: ${maxClients} are being served`, { port: this.local.port });
  }

  #tell(error: unknown): void {
    const fields = { port: this.local.port, error: describeError(error) };
    this.#options.log.debug("A client's connection failed", fields);
  }
}

function addressOf(server: Server): HostPort {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return { host: address.address, port: address.port };
}
