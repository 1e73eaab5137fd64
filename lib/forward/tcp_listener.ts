/**
 * One local TCP port that leads to a port of the remote host. It owns the listener and every
 * connection through it. The port is taken first and gets its remote end later; until then, and while
 * the remote host is being reconnected, clients wait.
 */
import type { Logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import { pipe } from "../net/pipe.ts";
import type { Target } from "../transport/transport.ts";
import { type ClientListener, type HostPort, listenForClients } from "./client_listener.ts";
import type { Counters } from "./counters.ts";
import { noteRefusal } from "./refusal.ts";

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

/** Takes a local port (0: any free one). Rejects with what `node:net` reports. */
export async function listenTcp(local: HostPort, options: ListenerOptions): Promise<TcpListener> {
  const { log } = options;
  return new TcpListener(
    await listenForClients(local, { maxClients: MAX_CONNECTIONS, log }),
    options,
  );
}

/** See the file comment. */
export class TcpListener {
  readonly local: HostPort;
  readonly counters: Counters;
  readonly #listener: ClientListener;
  readonly #options: ListenerOptions;
  #remote: HostPort | undefined;
  #known = Promise.withResolvers<HostPort>();

  constructor(listener: ClientListener, options: ListenerOptions) {
    this.#listener = listener;
    this.#options = options;
    this.local = listener.local;
    this.counters = listener.counters;
    this.#known.promise.catch(() => {}); // nobody need be waiting when it is closed
    listener.serve((client, _socket, signal) => this.#relay(client, signal));
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
    const closed = this.#listener.close();
    this.#known.reject(new Deno.errors.Interrupted("The forwarding was closed"));
    await closed;
  }

  async #relay(client: Duplex, signal: AbortSignal): Promise<void> {
    const { host, port } = await this.#remoteEnd();
    const upstream = await this.#options.open({ kind: "tcp", host, port }, signal);
    const tally = this.counters;
    const { error } = await pipe(client, noteRefusal(upstream), { signal, tally });
    if (error !== undefined) throw error;
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
