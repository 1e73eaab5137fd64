/**
 * The TLS side of the gateway: a `node:tls` server that asks every client for a certificate. A client
 * without a good one is let through the handshake and no further: only so is it known why, and the
 * log can say it. Certificates and authorities can be replaced while it runs.
 */
import { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type Server, TLSSocket } from "node:tls";
import { messageOf } from "../errors.ts";
import { ClientChains } from "../listen/client_chains.ts";
import { withinLimit } from "../listen/descriptors.ts";
import { remoteOf, watchHandshakes } from "../listen/handshakes.ts";
import type { Listener, TlsPeer } from "../listen/listener.ts";
import { nodeListener } from "../listen/node_listener.ts";
import type { Logger } from "../log.ts";
import { keepAlive } from "../net/keep_alive.ts";
import { readAuthorities, readIdentity, splitPem } from "../net/tls_files.ts";
import { isVersion1 } from "../net/x509_version.ts";
import type { GatewayConfig } from "./config.ts";

/** Handshakes at the same time; one more costs the oldest its connection. */
const MAX_HANDSHAKES = 1024;
/** Connections the listener takes beyond the limit, so that the limit is what answers. */
const SPARE_CLIENTS = 64;

/** How long a silent client is left alone before the system asks whether it is there. */
const KEEP_ALIVE_MS = 30_000;

const UNKNOWN_AUTHORITY = /^(UNABLE_TO_(VERIFY|GET)|DEPTH_ZERO|SELF_SIGNED)/;

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

/** Fails closed: whatever is not plainly in order is distrusted. */
function peerOf(socket: Socket, chains: ClientChains): TlsPeer {
  if (!(socket instanceof TLSSocket)) return { distrust: "no TLS" };
  const name = "servername" in socket ? socket.servername : undefined; // not in its types
  const serverName = typeof name === "string" && name !== ""
    ? { serverName: name.toLowerCase().replace(/\.$/, "") }
    : {};
  try {
    const certificate = socket.getPeerCertificate().raw;
    if (certificate === undefined) return { ...serverName, distrust: "no certificate" };
    if (socket.authorized === true) {
      if (chains.trusts(socket, certificate)) return { ...serverName, certificate };
      return { ...serverName, certificate, distrust: "a session from before is not good any more" };
    }
    return {
      ...serverName,
      certificate,
      distrust: distrustOf(certificate, socket.authorizationError),
    };
  } catch (error) {
    return { ...serverName, distrust: messageOf(error) };
  }
}

/**
 * Why a certificate was not let through. The runtime does not always tell an expired one from one of
 * an unknown authority, so the dates come first.
 */
function distrustOf(certificate: Uint8Array, error: unknown): string {
  const { validFrom, validTo } = new X509Certificate(certificate);
  const now = Date.now();
  if (now > Date.parse(validTo)) return "the certificate has expired";
  if (now < Date.parse(validFrom)) return "the certificate is not valid yet";
  // Nor has it asked for proof of the key then.
  if (isVersion1(certificate)) return "the certificate is of X.509 version 1";
  // Node takes OpenSSL's names for the rest; its types say Error, and it may be a string.
  const code = error instanceof Error ? error.message : String(error);
  return UNKNOWN_AUTHORITY.test(code)
    ? "no authority of ours has signed the certificate, or not for clients"
    : code;
}
