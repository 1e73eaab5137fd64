/**
 * TCP listeners that may serve other machines: TLS 1.2 or later, and a client certificate of the given
 * authority, or no connection. On `node:tls`, because `Deno.listenTls` cannot ask for client
 * certificates. Files that change while it runs are put into use.
 */
import { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, TLSSocket } from "node:tls";
import { expiryNotice } from "../net/tls/expiry.ts";
import type { Logger } from "../log.ts";
import type { TcpAddress } from "../net/address.ts";
import { keepAlive } from "../net/keep_alive.ts";
import { type IdentityFiles, readAuthorities, readIdentity } from "../net/tls/files.ts";
import { ClientChains } from "./client_chains.ts";
import { trustOf } from "./client_trust.ts";
import { withinLimit } from "./descriptors.ts";
import { remoteOf, watchHandshakes } from "./handshakes.ts";
import type { ClientInfo, Listener } from "./listener.ts";
import { nodeListener } from "./node_listener.ts";
import { reloadOnChange } from "./tls_reload.ts";

/** Paths of PEM files. */
export interface ServerTlsFiles extends IdentityFiles {
  /** The authority (or authorities) whose client certificates are let in. */
  readonly caFile: string;
}

/** How long a client may take for its handshake, in milliseconds. */
const HANDSHAKE_TIMEOUT = 10_000;
/** How long a silent client is left alone before the system asks whether it is there. */
const KEEP_ALIVE_MS = 30_000;
/** Handshakes at the same time. */
const MAX_HANDSHAKES = 256;
/** Clients at the same time. */
const MAX_CLIENTS = 4096;

/** Listens with mutual TLS. Throws `AgentError` (`config` for the files, `listen`). */
export function listenMutualTls(
  address: TcpAddress,
  files: ServerTlsFiles,
  log: Logger,
): Promise<Listener> {
  return listenBy(address, files, { log, explains: false });
}

/**
 * As {@link listenMutualTls}; without an authority, clients are not asked for a certificate. The log
 * says what is wrong with a certificate, for which the client gets no alert, but an end.
 */
export function listenTls(
  address: TcpAddress,
  files: IdentityFiles & Partial<ServerTlsFiles>,
  log: Logger,
): Promise<Listener> {
  return listenBy(address, files, { log, explains: true });
}

async function listenBy(
  address: TcpAddress,
  files: IdentityFiles & Partial<ServerTlsFiles>,
  { log, explains }: { log: Logger; explains: boolean },
): Promise<Listener> {
  const { certFile, keyFile, caFile } = files;
  const read = async () => {
    const identity = await readIdentity(files, "server");
    const notice = expiryNotice(new X509Certificate(identity.cert).validTo, Date.now());
    if (notice !== undefined) log.warn(`The certificate "${certFile}" ${notice}`);
    return {
      ...identity,
      ...(caFile !== undefined && { ca: await readAuthorities(caFile, "client") }),
      minVersion: "TLSv1.2" as const,
    };
  };
  const first = await read();
  const chains = first.ca === undefined ? undefined : new ClientChains(first.ca);
  const server = createServer({
    ...first,
    requestCert: caFile !== undefined,
    // Otherwise judged by `trustOf`, which knows why.
    rejectUnauthorized: caFile !== undefined && !explains,
    handshakeTimeout: HANDSHAKE_TIMEOUT,
    allowHalfOpen: true,
  });
  // A client whose network is gone says nothing.
  server.on("secureConnection", (socket: TLSSocket) => keepAlive(socket, KEEP_ALIVE_MS));
  const paths = [certFile, keyFile, ...(caFile === undefined ? [] : [caFile])];
  const bounds = withinLimit({ handshakes: MAX_HANDSHAKES, clients: MAX_CLIENTS }, log);
  const cutHandshakes = watchHandshakes(server, { max: bounds.handshakes, log });
  await reloadOnChange(server, {
    paths,
    read,
    log,
    // A handshake under way would be judged by the authorities it began with.
    onChange: ({ ca }) => void (chains?.replace(String(ca)) && cutHandshakes()),
  });
  return await nodeListener(server, {
    address,
    where: { host: address.host, port: address.port },
    event: "secureConnection",
    log,
    describe,
    mutualTls: caFile !== undefined,
    maxClients: bounds.clients,
    ...(chains && { distrusts: (socket) => trustOf(socket, chains).distrust }),
    onClose: cutHandshakes,
  });
}

function describe(socket: Socket): ClientInfo {
  const remote = remoteOf(socket);
  if (!(socket instanceof TLSSocket)) return { remote };
  const name = socket.getPeerCertificate()?.subject?.CN;
  return typeof name === "string" ? { remote, subject: name } : { remote };
}
