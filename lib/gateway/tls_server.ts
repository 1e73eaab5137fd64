/**
 * The TLS side of the gateway. A client without a good certificate is let through the handshake and no
 * further: only so is it known why, and the log can say it.
 */
import type { Socket } from "node:net";
import { remoteOf } from "../listen/handshakes.ts";
import type { Listener, TlsPeer } from "../listen/listener.ts";
import { type TlsMaterial, TlsServer } from "../listen/tls_server.ts";
import type { Logger } from "../log.ts";
import type { GatewayConfig } from "./config.ts";

/** Handshakes at the same time; one more costs the oldest its connection. */
const MAX_HANDSHAKES = 1024;
/** Connections the listener takes beyond the limit, so that the limit is what answers. */
const SPARE_CLIENTS = 64;

/** What listens, and what takes new certificates. The maker closes `listener`. */
export interface GatewayServer {
  readonly server: Pick<TlsServer, "replace">;
  readonly listener: Listener;
}

/** Listens; throws `AgentError` of kind `listen`. */
export async function openTlsServer(
  { limits, listen }: GatewayConfig,
  material: TlsMaterial,
  log: Logger,
): Promise<GatewayServer> {
  const server = new TlsServer({
    material,
    refuses: false,
    handshakeMs: limits.handshakeMs,
    bounds: { handshakes: MAX_HANDSHAKES, clients: limits.connections + SPARE_CLIENTS },
    cut: "oldest",
    log,
  });
  const describe = (socket: Socket) => ({ remote: remoteOf(socket), tls: peerOf(socket, server) });
  return { server, listener: await server.listen(listen, { describe }) };
}

function peerOf(socket: Socket, server: TlsServer): TlsPeer {
  const name = "servername" in socket ? socket.servername : undefined; // not in its types
  return {
    ...(typeof name === "string" && name !== "" && {
      serverName: name.toLowerCase().replace(/\.$/, ""),
    }),
    ...server.trust(socket),
  };
}
