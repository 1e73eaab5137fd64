/**
 * The TLS side of the gateway: a `node:tls` server that asks every client for a certificate. A client
 * without a good one is let through the handshake and no further: only so is it known why, and the
 * log can say it. Certificates and authorities can be replaced while it runs.
 */
import { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { ClientChains } from "../listen/client_chains.ts";
import { trustOf } from "../listen/client_trust.ts";
import { withinLimit } from "../listen/descriptors.ts";
import { remoteOf, watchHandshakes } from "../listen/handshakes.ts";
import type { Listener, TlsPeer } from "../listen/listener.ts";
import { nodeListener } from "../listen/node_listener.ts";
import type { Logger } from "../log.ts";
import { keepAlive } from "../net/keep_alive.ts";
import { readAuthorities, readIdentity, splitPem } from "../net/tls/files.ts";
import type { GatewayConfig } from "./config.ts";

/** Handshakes at the same time; one more costs the oldest its connection. */
const MAX_HANDSHAKES = 1024;
/** Connections the listener takes beyond the limit, so that the limit is what answers. */
const SPARE_CLIENTS = 64;

/** How long a silent client is left alone before the system asks whether it is there. */
const KEEP_ALIVE_MS = 30_000;

/** Certificates as they are put into use. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  /** One or more certificates each. */
  readonly authorities: readonly string[];
}

/** Reads and checks the files; throws `AgentError` of kind `config`. */
export async function readMaterial(config: GatewayConfig): Promise<TlsMaterial> {
  const identity = await readIdentity(config.identity, "gateway");
  const authorities: string[] = [];
  for (const path of config.authorityFiles) {
    authorities.push(await readAuthorities(path, "client"));
  }
  return { ...identity, authorities };
}

/** The authorities themselves, to check certificates of open connections against. */
export function parseAuthorities({ authorities }: TlsMaterial): X509Certificate[] {
  const texts = authorities.flatMap(splitPem);
  return texts.map((pem) => new X509Certificate(pem));
}

/** See the file comment. The maker closes `listener`. */
export interface TlsServer {
  readonly listener: Listener;
  /** Handshakes from now on use these; open connections are not touched. */
  replace(material: TlsMaterial): void;
}

/** Listens; throws `AgentError` of kind `listen`. */
export async function openTlsServer(
  config: GatewayConfig,
  material: TlsMaterial,
  log: Logger,
): Promise<TlsServer> {
  const server: Server = createServer({
    ...contextOptions(material),
    requestCert: true,
    // Judged in `describe`; see the file comment.
    rejectUnauthorized: false,
    handshakeTimeout: config.limits.handshakeMs,
    allowHalfOpen: true,
  });
  // A client whose network is gone says nothing, and an answer without end waits for it.
  server.on("secureConnection", (socket: TLSSocket) => keepAlive(socket, KEEP_ALIVE_MS));
  const chains = new ClientChains(material.authorities.join(""));
  const bounds = withinLimit({
    handshakes: MAX_HANDSHAKES,
    clients: config.limits.connections + SPARE_CLIENTS,
  }, log);
  const cutHandshakes = watchHandshakes(server, { max: bounds.handshakes, cut: "oldest", log });
  const { host, port } = config.listen;
  const listener = await nodeListener(server, {
    address: config.listen,
    where: { host, port },
    event: "secureConnection",
    log,
    describe: (socket) => ({ remote: remoteOf(socket), tls: peerOf(socket, chains) }),
    mutualTls: true,
    maxClients: bounds.clients,
    onClose: cutHandshakes,
  });
  return {
    listener,
    replace(next) {
      server.setSecureContext(contextOptions(next));
      // A handshake under way would be judged by the authorities it began with.
      if (chains.replace(next.authorities.join(""))) cutHandshakes();
    },
  };
}

function contextOptions({ cert, key, authorities }: TlsMaterial) {
  const minVersion = "TLSv1.2" as const;
  return { cert, key, ca: [...authorities], minVersion };
}

function peerOf(socket: Socket, chains: ClientChains): TlsPeer {
  const name = "servername" in socket ? socket.servername : undefined; // not in its types
  return {
    ...(typeof name === "string" && name !== "" && {
      serverName: name.toLowerCase().replace(/\.$/, ""),
    }),
    ...trustOf(socket, chains),
  };
}
