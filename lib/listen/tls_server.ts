/**
 * A TLS server for clients of other machines, which are asked for a certificate: TLS 1.2 or later, on
 * `node:tls`, because `Deno.listenTls` cannot ask for client certificates. Certificates and authorities
 * can be replaced while it runs. What it costs to be spoken to is bounded: handshakes, clients, silence.
 */
import { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type Server, type TlsOptions, type TLSSocket } from "node:tls";
import type { Logger } from "../log.ts";
import type { TcpAddress } from "../net/address.ts";
import { keepAlive } from "../net/keep_alive.ts";
import { expiryNotice } from "../net/tls/expiry.ts";
import { type IdentityFiles, readAuthorities, readIdentity } from "../net/tls/files.ts";
import { ClientChains } from "./client_chains.ts";
import { type ClientTrust, trustOf } from "./client_trust.ts";
import { type ConnectionBounds, withinLimit } from "./descriptors.ts";
import { watchHandshakes } from "./handshakes.ts";
import type { ClientInfo, Listener } from "./listener.ts";
import { nodeListener } from "./node_listener.ts";

/** How long a silent client is left alone before the system asks whether it is there. */
const KEEP_ALIVE_MS = 30_000;

/** Certificates as they are put into use, as PEM text. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  /** One or more certificates each; without any, clients are not asked for theirs. */
  readonly authorities: readonly string[];
}

/**
 * Reads and checks the files; `whose` names them in errors, such as `"server"`. The log says when the
 * certificate is about to expire. Throws `AgentError` of kind `config`.
 */
export async function readTlsMaterial(
  identity: IdentityFiles,
  authorityFiles: readonly string[],
  { whose, log }: { whose: string; log: Logger },
): Promise<TlsMaterial> {
  const { cert, key } = await readIdentity(identity, whose);
  const authorities: string[] = [];
  for (const path of authorityFiles) authorities.push(await readAuthorities(path, "client"));
  const notice = expiryNotice(new X509Certificate(cert).validTo, Date.now());
  if (notice !== undefined) log.warn(`The certificate "${identity.certFile}" ${notice}`);
  return { cert, key, authorities };
}

/** What the servers of the program differ in. */
export interface TlsServerOptions {
  readonly material: TlsMaterial;
  /**
   * Whether the handshake itself refuses a client without a good certificate. One that is let through is
   * to be judged by {@link TlsServer.trust}: only so is it known why, and the log can say it.
   */
  readonly refuses: boolean;
  /** How long a client may take for its handshake, in milliseconds. */
  readonly handshakeMs: number;
  /** At the same time; fewer where the system's limit of open files asks for it. */
  readonly bounds: ConnectionBounds;
  /** See `HandshakeOptions`. */
  readonly cut?: "newest" | "oldest";
  readonly log: Logger;
}

/** See the file comment. The listener that {@link listen} gives owns the server. */
export class TlsServer {
  readonly #server: Server;
  readonly #asks: boolean;
  readonly #chains: ClientChains;
  readonly #bounds: ConnectionBounds;
  readonly #cutHandshakes: () => void;
  readonly #log: Logger;

  constructor({ material, refuses, handshakeMs, bounds, cut, log }: TlsServerOptions) {
    this.#asks = material.authorities.length > 0;
    this.#chains = new ClientChains(bundleOf(material));
    const server = this.#server = createServer({
      ...contextOptions(material),
      requestCert: this.#asks,
      rejectUnauthorized: this.#asks && refuses,
      handshakeTimeout: handshakeMs,
      allowHalfOpen: true,
    });
    // A client whose network is gone says nothing, and an answer without end waits for it.
    server.on("secureConnection", (socket: TLSSocket) => keepAlive(socket, KEEP_ALIVE_MS));
    this.#bounds = withinLimit(bounds, log);
    const { handshakes: max } = this.#bounds;
    this.#cutHandshakes = watchHandshakes(server, { max, log, ...(cut && { cut }) });
    this.#log = log;
  }

  /** Calls `listener` whenever a client comes, before its handshake. */
  onClient(listener: () => void): void {
    this.#server.on("connection", listener);
  }

  /** Handshakes from now on use these; open connections are not touched. */
  replace(material: TlsMaterial): void {
    this.#server.setSecureContext(contextOptions(material));
    // A handshake under way would be judged by the authorities it began with.
    if (this.#chains.replace(bundleOf(material))) this.#cutHandshakes();
  }

  /** Whether the client of a finished handshake is to be trusted, where clients are asked at all. */
  trust(socket: Socket): ClientTrust {
    return this.#asks ? trustOf(socket, this.#chains) : {};
  }

  /** Listens, once. A client that `distrusts` says something of is cut off. Throws `AgentError`. */
  listen(
    address: TcpAddress,
    { describe, distrusts }: {
      readonly describe: (socket: Socket) => ClientInfo;
      readonly distrusts?: (socket: Socket) => string | undefined;
    },
  ): Promise<Listener> {
    return nodeListener(this.#server, {
      address,
      where: { host: address.host, port: address.port },
      event: "secureConnection",
      log: this.#log,
      describe,
      mutualTls: this.#asks,
      maxClients: this.#bounds.clients,
      ...(distrusts && { distrusts }),
      onClose: this.#cutHandshakes,
    });
  }
}

function contextOptions({ cert, key, authorities }: TlsMaterial): TlsOptions {
  const minVersion = "TLSv1.2";
  return { cert, key, minVersion, ...(authorities.length > 0 && { ca: [...authorities] }) };
}

function bundleOf({ authorities }: TlsMaterial): string {
  return authorities.join("");
}
