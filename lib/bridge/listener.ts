/**
 * One local address of the bridge. It owns the listener and every client until its handler is done;
 * what a client's connection is closed with tells it whether all went well (`forward/socket.ts`).
 */
import { createServer, type Server, type Socket } from "node:net";
import { AgentError, describeError, messageOf } from "../errors.ts";
import { clientSocket } from "../forward/socket.ts";
import { type Counters, newCounters } from "../forward/counters.ts";
import { bindError } from "../listen/bind_error.ts";
import type { Logger } from "../log.ts";
import { formatHostPort } from "../net/address.ts";
import type { Duplex } from "../net/duplex.ts";
import type { Destination } from "./socks_wire.ts";

/** A client as its handler gets it. */
export interface BridgeClient {
  readonly duplex: Duplex;
  /** `127.0.0.1:54321`, for the log. */
  readonly remote: string;
  /** The address in it, without brackets. */
  readonly address: string;
  /** The address it has connected to. */
  readonly local: Destination;
  /** Counts what goes through. */
  readonly counters: Counters;
  /** Aborts when the bridge is closed. */
  readonly signal: AbortSignal;
}

/** Serves one client, whose stream is closed when this settles. */
export type ServeClient = (client: BridgeClient) => Promise<void>;

/** Clients of one address at a time; what comes beyond is reset. */
export const MAX_CLIENTS = 1024;
const BACKLOG = 1024;
const KEEP_ALIVE_MS = 15_000;

/** Takes the address; `option` is the flag to name in messages. Throws `AgentError` (`listen`). */
export async function listenForClients(
  address: Destination,
  option: string,
  log: Logger,
): Promise<BridgeListener> {
  const server = createServer({
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    pauseOnConnect: true,
  });
  const { host, port } = address;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, backlog: BACKLOG, exclusive: true }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (cause) {
    const { message } = bindError({ kind: "tcp", host, port }, cause);
    const hint = `choose another address with ${option}`;
    throw new AgentError("listen", message, { cause, hint });
  }
  return new BridgeListener(server, log);
}

/** See the file comment. */
export class BridgeListener {
  readonly local: Destination;
  readonly counters: Counters = newCounters();
  readonly #server: Server;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  readonly #clients = new Set<Promise<void>>();

  constructor(server: Server, log: Logger) {
    this.#server = server;
    this.#log = log;
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("There is no port");
    this.local = { host: address.address, port: address.port };
    server.on("error", (error) => {
      log.warn("Failed to accept a client", { error: messageOf(error) });
    });
  }

  /** Begins to serve; clients that came before are reset. To be called once. */
  serve(handler: ServeClient): void {
    this.#server.on("connection", (socket) => {
      if (this.#closing.signal.aborted || this.#clients.size >= MAX_CLIENTS) {
        if (!this.#closing.signal.aborted) {
          this.#log.warn(`Refused a client: ${MAX_CLIENTS} are being served`);
        }
        socket.on("error", () => {}); // it is being thrown away
        socket.resetAndDestroy();
        return;
      }
      const served = this.#serve(socket, handler).finally(() => this.#clients.delete(served));
      this.#clients.add(served);
    });
  }

  /** Gives the address back and ends every client; settles when all is done. */
  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort();
      await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    }
    await Promise.all(this.#clients);
  }

  async #serve(socket: Socket, handler: ServeClient): Promise<void> {
    const { counters } = this;
    const { remoteAddress: address = "?", remotePort = 0 } = socket;
    const remote = formatHostPort(address, remotePort);
    const local = { host: socket.localAddress ?? this.local.host, port: this.local.port };
    const duplex = clientSocket(socket);
    const { signal } = this.#closing;
    const end = () => duplex.close();
    signal.addEventListener("abort", end, { once: true });
    counters.open++;
    counters.total++;
    try {
      await handler({ duplex, remote, address, local, counters, signal });
    } catch (error) {
      if (!signal.aborted) {
        this.#log.debug("A client's connection failed", { remote, error: describeError(error) });
      }
    } finally {
      signal.removeEventListener("abort", end);
      duplex.close();
      counters.open--;
    }
  }
}
