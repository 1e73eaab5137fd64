/**
 * One local address of the bridge, and its clients as their handlers get them. Owns the listener.
 */
import { AgentError } from "../errors.ts";
import { type ClientListener, listenForClients } from "../forward/client_listener.ts";
import type { Counters } from "../forward/counters.ts";
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
const MAX_CLIENTS = 1024;

/** Takes the address; `option` is the flag to name in messages. Throws `AgentError` (`listen`). */
export async function listenAt(
  address: Destination,
  option: string,
  log: Logger,
): Promise<ClientListener> {
  try {
    return await listenForClients(address, { maxClients: MAX_CLIENTS, log });
  } catch (cause) {
    const { message } = bindError({ kind: "tcp", ...address }, cause);
    const hint = `choose another address with ${option}`;
    throw new AgentError("listen", message, { cause, hint });
  }
}

/** Begins to serve; clients that came before were reset. */
export function serveClients(listener: ClientListener, handler: ServeClient): void {
  listener.serve((duplex, socket, signal) => {
    const { remoteAddress: address = "?", remotePort = 0, localAddress } = socket;
    return handler({
      duplex,
      remote: formatHostPort(address, remotePort),
      address,
      local: { host: localAddress ?? listener.local.host, port: listener.local.port },
      counters: listener.counters,
      signal,
    });
  });
}
