/**
 * Listener: one address the program accepts clients on, whatever its kind. Whoever made it closes
 * it; the connections it accepted belong to the handler and outlive it.
 */
import { isClosedError, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { ListenAddress } from "../net/address.ts";
import type { Duplex } from "../net/duplex.ts";

/** What is known of a client before its first byte. */
export interface ClientInfo {
  /** For logs: `127.0.0.1:54321`, `unix:/path`, or the name of the pipe. */
  remote: string;
  /** The subject of the client's certificate, on a listener with mutual TLS. */
  subject?: string;
  /** What the handshake told, on a listener that leaves it to the handler to judge a client. */
  tls?: TlsPeer;
}

/** A client after its handshake. */
export interface TlsPeer {
  /** The name it asked for (SNI), if any. */
  serverName?: string;
  /** Its certificate in DER, if it showed one: without `distrust`, it has the key. */
  certificate?: Uint8Array;
  /** Why the certificate is not to be trusted; absent for one that a given authority has signed. */
  distrust?: string;
}

/** Serves one client and owns `duplex` from here on. A throw closes it and is logged. */
export type ClientHandler = (duplex: Duplex, info: ClientInfo) => void | Promise<void>;

/** See the file comment. */
export interface Listener {
  /** Where it listens; a port of 0 has become the real one. */
  readonly address: ListenAddress;
  /** What to put into `DOCKER_HOST` to reach it. */
  readonly dockerHost: string;
  /** Whether clients must present a certificate (`DOCKER_TLS_VERIFY=1` on their side). */
  readonly mutualTls: boolean;

  /** Begins to serve; clients that came before wait. To be called once. */
  serve(handler: ClientHandler): void;

  /** Stops accepting, settles when the address is free again. Idempotent, never rejects. */
  close(): Promise<void>;
}

/** Runs a handler so that its failure ends one connection and nothing else. */
export async function serveClient(
  handler: ClientHandler,
  duplex: Duplex,
  info: ClientInfo,
  log: Logger,
): Promise<void> {
  try {
    await handler(duplex, info);
  } catch (error) {
    duplex.close();
    const fields = { remote: info.remote, error: messageOf(error) };
    if (isClosedError(error)) log.debug("Client is gone", fields);
    else log.warn("Failed to serve a client", fields);
  }
}
