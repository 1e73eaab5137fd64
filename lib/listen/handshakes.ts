/**
 * Bounds the TLS handshakes of a server: anybody can begin one. Also what a socket is called in logs.
 */
import type { Socket } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { formatHostPort } from "../net/address.ts";

/** How {@link watchHandshakes} bounds them. */
export interface HandshakeOptions {
  /** Handshakes at the same time. */
  readonly max: number;
  /**
   * Whom one too many costs the connection: the newcomer, or the one that has been at it for longest,
   * which is more likely to be somebody who does not mean to finish. Default: the newcomer.
   */
  readonly cut?: "newest" | "oldest";
  readonly log: Logger;
}

/**
 * Bounds the handshakes and returns what cuts off those under way. They are known by the client's
 * address and port, the one thing both the raw and the TLS socket of a connection tell.
 */
export function watchHandshakes(server: Server, options: HandshakeOptions): () => void {
  const { max, cut = "newest", log } = options;
  const pending = new Map<string, Socket>();
  server.on("connection", (socket: Socket) => {
    const remote = remoteOf(socket);
    socket.setNoDelay(true);
    if (pending.size >= max) {
      const [oldest] = pending;
      const [name, victim] = cut === "oldest" && oldest !== undefined ? oldest : [remote, socket];
      log.warn("Cut off a client: too many TLS handshakes at once", { remote: name });
      pending.delete(name);
      victim.destroy();
      if (victim === socket) return;
    }
    pending.set(remote, socket);
    socket.once("close", () => pending.delete(remote));
  });
  server.on("secureConnection", (socket: TLSSocket) => pending.delete(remoteOf(socket)));
  server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
    const remote = remoteOf(rawOf(socket));
    log.info("Refused a client", { remote, error: wordsOf(error, socket) });
    pending.delete(remote);
    socket.destroy();
  });
  return () => {
    for (const socket of pending.values()) socket.destroy();
  };
}

/** The runtime says "socket hang up" where it has not verified the certificate. */
function wordsOf(error: Error, { authorizationError }: TLSSocket): string {
  return authorizationError === null || authorizationError === undefined
    ? messageOf(error)
    : `the certificate was not verified: ${messageOf(authorizationError)}`;
}

/** A TLS socket that failed has let go of its handle; the one beneath still knows the client. */
function rawOf(socket: TLSSocket & { readonly _parent?: Socket }): Socket {
  return socket._parent ?? socket;
}

/** Address and port of the client, for logs. */
export function remoteOf({ remoteAddress, remotePort }: Socket): string {
  return formatHostPort(remoteAddress ?? "unknown", remotePort ?? 0);
}
