/**
 * The operations server of one running command: the same answers on every address it is given.
 * Addresses that other machines reach are refused by `listen/listen.ts` unless the user allows them
 * with mutual TLS. Owns its listeners and its clients; it has no timer while nobody asks.
 */
import { listen, type ListenOptions } from "../listen/listen.ts";
import type { Listener } from "../listen/listener.ts";
import { type Logger, logger } from "../log.ts";
import { formatHostPort, type ListenAddress } from "../net/address.ts";
import type { Duplex } from "../net/duplex.ts";
import { controlHandler } from "./control.ts";
import { eventsHandler } from "./event_stream.ts";
import { ACTING, type Handler, serveHttp } from "./http.ts";
import { guarded, opsHandler } from "./routes.ts";
import type { OpsSource } from "./sources/source.ts";

/** Clients served at a time; further ones are closed. */
const MAX_CLIENTS = 128;

/** Where and for whom to listen. */
export interface OpsServerOptions extends ListenOptions {
  addresses: readonly ListenAddress[];
  /** Nobody but the user gets there: clients may also act; see `control.ts`. Default: false. */
  isPrivate?: boolean;
}

/** A server that runs. */
export interface OpsServer {
  /** Where the status page is, for addresses a browser reaches. */
  readonly urls: readonly string[];
  /** Stops listening and ends its clients. */
  close(): Promise<void>;
}

/** Starts to serve on all addresses, or throws `AgentError` and leaves nothing behind. */
export async function startOpsServer(
  source: OpsSource,
  options: OpsServerOptions,
): Promise<OpsServer> {
  const { addresses, isPrivate = false, ...listenOptions } = options;
  const log = listenOptions.log ?? logger("ops");
  const clients = new Set<Duplex>();
  const listeners: Listener[] = [];
  const close = async () => {
    await Promise.all(listeners.map((listener) => listener.close()));
    for (const client of clients) client.close();
  };
  try {
    for (const address of addresses) {
      listeners.push(await listen(address, listenOptions));
    }
  } catch (error) {
    await close();
    throw error;
  }
  for (const listener of listeners) {
    if (isPrivate) servePrivate(listener, source, clients, log);
    else serve(listener, opsHandler(source), clients, log);
  }
  return { urls: listeners.flatMap(urlOf), close };
}

function serve(listener: Listener, open: Handler, clients: Set<Duplex>, log: Logger): void {
  const handler = listener.address.kind === "tcp" ? guarded(open) : open;
  listener.serve(counted(clients, (duplex) => serveHttp(duplex, handler, log)));
}

function servePrivate(
  listener: Listener,
  source: OpsSource,
  clients: Set<Duplex>,
  log: Logger,
): void {
  const control = controlHandler(() => source.sync?.(), opsHandler(source));
  const handler = eventsHandler(source.events, control);
  listener.serve(counted(clients, (duplex) => serveHttp(duplex, handler, log, ACTING)));
}

function counted(clients: Set<Duplex>, serve: (duplex: Duplex) => Promise<void>) {
  return async (duplex: Duplex) => {
    if (clients.size >= MAX_CLIENTS) return duplex.close();
    clients.add(duplex);
    await serve(duplex);
    clients.delete(duplex);
  };
}

function urlOf({ address, mutualTls }: Listener): string[] {
  if (address.kind !== "tcp") return [];
  return [`${mutualTls ? "https" : "http"}://${formatHostPort(address.host, address.port)}/`];
}
