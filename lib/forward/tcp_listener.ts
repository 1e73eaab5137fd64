/**
 * One local TCP port that leads to a port of the remote host. It owns the listener and every
 * connection through it. The port is taken first and gets its remote end later; until then, and while
 * the remote host is being reconnected, clients wait.
 */
import { createServer, type Server, type Socket } from "node:net";
import { describeError, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import { pipe } from "../net/pipe.ts";
import type { Target } from "../transport/transport.ts";
import { noteRefusal } from "./refusal.ts";
import { clientSocket } from "./socket.ts";
import { type Counters, newCounters } from "./counters.ts";

/** An address and a port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Opens a stream to the remote host, waiting a bounded time (10 s) while it is being reconnected.
 * The caller owns the stream.
 */
export type OpenStream = (target: Target, signal: AbortSignal) => Promise<Duplex>;

/** What a local port needs of its surroundings. */
export interface ListenerOptions {
  open: OpenStream;
  log: Logger;
  /** How long clients wait for the remote end to become known, in milliseconds. */
  waitMs: number;
}

/** Connections of one port at a time; what comes beyond is reset. */
const MAX_CONNECTIONS = 4096;
/** Linux's own default of `net.core.somaxconn`. */
const BACKLOG = 4096;
/** Before the first keep-alive probe, as docker-proxy (Go's net package) has it. */
const KEEP_ALIVE_MS = 15_000;

/** Takes a local port (0: any free one). Rejects with what `node:net` reports. */
export async function listenTcp(local: HostPort, options: ListenerOptions): Promise<TcpListener> {
  const server = createServer({
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    pauseOnConnect: true,
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: local.host, port: local.port, backlog: BACKLOG, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return new TcpListener(server, options);
}

/** See the file comment. */
export class TcpListener {
  readonly local: HostPort;
  readonly counters: Counters = newCounters();
  readonly #server: Server;
  readonly #options: ListenerOptions;
  readonly #closing = new AbortController();
  readonly #relays = new Set<Promise<void>>();
  #remote: HostPort | undefined;
  #known = Promise.withResolvers<HostPort>();

  constructor(server: Server, options: ListenerOptions) {
    this.#server = server;
    this.#options = options;
    this.local = addressOf(server);
    this.#known.promise.catch(() => {}); // nobody need be waiting when it is closed
    server.on("error", (error) => {
      options.log.warn("Failed to accept a client", { error: messageOf(error) });
    });
    server.on("connection", (socket) => this.#accept(socket));
  }

  get remote(): HostPort | undefined {
    return this.#remote;
  }

  /** Says where the port leads; clients that wait go on. New connections go to the new place. */
  activate(remote: HostPort): void {
    this.#remote = remote;
    this.#known.resolve(remote);
  }

  /** Gives the port back and ends every connection; settles when all is done. */
  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort();
      this.#known.reject(new Deno.errors.Interrupted("The forwarding was closed"));
      await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    }
    await Promise.all(this.#relays);
  }

  #accept(socket: Socket): void {
    if (this.#closing.signal.aborted || this.#relays.size >= MAX_CONNECTIONS) {
      socket.on("error", () => {}); // it is being thrown away
      socket.resetAndDestroy();
      return;
    }
    const relay = this.#relay(clientSocket(socket)).finally(() => this.#relays.delete(relay));
    this.#relays.add(relay);
  }

  async #relay(client: Duplex): Promise<void> {
    const { counters } = this;
    counters.open++;
    counters.total++;
    const { signal } = this.#closing;
    const onAbort = () => client.close();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      const { host, port } = await this.#remoteEnd();
      const upstream = await this.#options.open({ kind: "tcp", host, port }, signal);
      const { error } = await pipe(client, noteRefusal(upstream), { signal, tally: counters });
      if (error !== undefined) this.#tell(error);
    } catch (error) {
      if (!signal.aborted) this.#tell(error);
    } finally {
      signal.removeEventListener("abort", onAbort);
      client.close();
      counters.open--;
    }
  }

  #tell(error: unknown): void {
    this.#options.log.debug("A forwarded connection failed", { error: describeError(error) });
  }

  async #remoteEnd(): Promise<HostPort> {
    if (this.#remote !== undefined) return this.#remote;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Deno.errors.TimedOut("The container has not started in time")),
      this.#options.waitMs,
    );
    try {
      return await Promise.race([this.#known.promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function addressOf(server: Server): HostPort {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return { host: address.address, port: address.port };
}
