/**
 * TCP listeners that may serve other machines: a client certificate of the given authority, or no
 * connection. Files that change while a listener runs are put into use.
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Logger } from "../log.ts";
import type { TcpAddress } from "../net/address.ts";
import type { IdentityFiles } from "../net/tls/files.ts";
import { remoteOf } from "./handshakes.ts";
import type { ClientInfo, Listener } from "./listener.ts";
import { reloadOnChange } from "./tls_reload.ts";
import { readTlsMaterial, TlsServer } from "./tls_server.ts";

/** Paths of PEM files. */
export interface ServerTlsFiles extends IdentityFiles {
  /** The authority (or authorities) whose client certificates are let in. */
  readonly caFile: string;
}

/** How long a client may take for its handshake, in milliseconds. */
const HANDSHAKE_TIMEOUT = 10_000;
/** Handshakes, and clients, at the same time. */
const BOUNDS = { handshakes: 256, clients: 4096 };

/** Listens with mutual TLS. Throws `AgentError` (`config` for the files, `listen`). */
export function listenMutualTls(
  address: TcpAddress,
  files: ServerTlsFiles,
  log: Logger,
): Promise<Listener> {
  return listenBy(address, files, { log, refuses: true });
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
  return listenBy(address, files, { log, refuses: false });
}

async function listenBy(
  address: TcpAddress,
  { certFile, keyFile, caFile }: IdentityFiles & Partial<ServerTlsFiles>,
  { log, refuses }: { log: Logger; refuses: boolean },
): Promise<Listener> {
  const authorityFiles = caFile === undefined ? [] : [caFile];
  const read = () =>
    readTlsMaterial({ certFile, keyFile }, authorityFiles, { whose: "server", log });
  const server = new TlsServer({
    material: await read(),
    refuses,
    handshakeMs: HANDSHAKE_TIMEOUT,
    bounds: BOUNDS,
    log,
  });
  await reloadOnChange(server, { paths: [certFile, keyFile, ...authorityFiles], read, log });
  return await server.listen(address, {
    describe,
    distrusts: (socket) => server.trust(socket).distrust,
  });
}

function describe(socket: Socket): ClientInfo {
  const remote = remoteOf(socket);
  if (!(socket instanceof TLSSocket)) return { remote };
  const name = socket.getPeerCertificate()?.subject?.CN;
  return typeof name === "string" ? { remote, subject: name } : { remote };
}
