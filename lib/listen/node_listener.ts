/**
 * A Listener over a `node:net` or `node:tls` server, for what Deno's own listeners cannot do
 * (named pipes, client certificates). Owns the server. The server does its accepting and, with TLS,
 * its handshakes by itself; this file sees finished connections only.
 */
import type { Server, Socket } from "node:net";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { formatDockerHost, type ListenAddress } from "../net/address.ts";
import type { Duplex } from "../net/duplex.ts";
import { socketDuplex } from "../net/tls/stream.ts";
import { bindError } from "./bind_error.ts";
import { type ClientHandler, type ClientInfo, type Listener, serveClient } from "./listener.ts";

/** Clients that may wait between `listen` and `serve`. */
const MAX_WAITING = 128;
/**
 * Clients at the same time. On Deno a `node:net` server that has once run out of descriptors never
 * accepts again and says nothing, so they must not run out: this is far below the usual limits.
 */
const MAX_CLIENTS = 4096;

/** How to listen, and what the kinds of servers differ in. */
export interface NodeListenerOptions {
  address: ListenAddress;
  /** What `server.listen` takes. */
  where: { host: string; port: number } | { path: string };
  /** The event a ready connection comes with. */
  event: "connection" | "secureConnection";
  log: Logger;
  describe: (socket: Socket) => ClientInfo;
  mutualTls: boolean;
  /** Why a client whose handshake is over is not served. Default: each is. */
  distrusts?: (socket: Socket) => string | undefined;
  /** Clients at the same time; more are cut off. Default: 4096. */
  maxClients?: number;
  /** Called once the server has stopped accepting. */
  onClose?: () => void;
}

/** Starts `server` and resolves once it listens. Throws `AgentError` of kind `listen`. */
export async function nodeListener(
  server: Server,
  options: NodeListenerOptions,
): Promise<Listener> {
  const listener = new NodeListener(server, options);
  await listener.start();
  return listener;
}

class NodeListener implements Listener {
  readonly mutualTls: boolean;
  readonly #server: Server;
  readonly #options: NodeListenerOptions;
  #address: ListenAddress;
  #handler: ClientHandler | undefined;
  #waiting: [Duplex, ClientInfo][] = [];
  #clients = 0;
  #closed = false;

  constructor(server: Server, options: NodeListenerOptions) {
    this.mutualTls = options.mutualTls;
    this.#server = server;
    this.#options = options;
    this.#address = options.address;
    server.on(options.event, (socket: Socket) => this.#accept(socket));
  }

  get address(): ListenAddress {
    return this.#address;
  }

  get dockerHost(): string {
    return formatDockerHost(this.#address);
  }

  async start(): Promise<void> {
    const { address, where, log } = this.#options;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once("error", reject);
        this.#server.listen(where, () => {
          this.#server.off("error", reject);
          resolve();
        });
      });
    } catch (error) {
      throw bindError(address, error);
    }
    this.#server.on("error", (error) => {
      log.warn("Failed to accept a client", { error: messageOf(error) });
    });
    const bound = this.#server.address();
    if (address.kind === "tcp" && bound !== null && typeof bound === "object") {
      this.#address = { ...address, port: bound.port };
    }
  }

  serve(handler: ClientHandler): void {
    if (this.#handler !== undefined) return;
    this.#handler = handler;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const [duplex, info] of waiting) this.#hand(handler, duplex, info);
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    // The callback would wait for every connection; the address is free without it.
    this.#server.close();
    this.#options.onClose?.();
    for (const [duplex] of this.#waiting) duplex.close();
    this.#waiting = [];
    return Promise.resolve();
  }

  #accept(socket: Socket): void {
    const duplex = socketDuplex(socket);
    const info = this.#options.describe(socket);
    this.#clients++;
    void duplex.closed.then(() => this.#clients--);
    if (this.#closed || this.#isFull(info) || !this.#admits(socket, info)) duplex.close();
    else if (this.#handler === undefined) this.#waiting.push([duplex, info]);
    else this.#hand(this.#handler, duplex, info);
  }

  #admits(socket: Socket, { remote }: ClientInfo): boolean {
    const { distrusts, log } = this.#options;
    const reason = distrusts?.(socket);
    if (reason !== undefined) log.info("Refused a client", { remote, reason });
    return reason === undefined;
  }

  #isFull({ remote }: ClientInfo): boolean {
    const { maxClients = MAX_CLIENTS, log } = this.#options;
    if (this.#clients > maxClients) {
      log.warn("Cut off a client: too many at once", { remote, limit: maxClients });
      return true;
    }
    return this.#handler === undefined && this.#waiting.length >= MAX_WAITING;
  }

  #hand(handler: ClientHandler, duplex: Duplex, info: ClientInfo): void {
    void serveClient(handler, duplex, info, this.#options.log);
  }
}
