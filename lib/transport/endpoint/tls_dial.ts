/**
 * Dials connections to a gateway or guest: TLS with or without a client certificate, or plain TCP.
 *
 * TLS goes through `node:tls`, never `Deno.connectTls`: that one takes the name to verify from the
 * host it dials, adds `caCerts` to the public authorities instead of replacing them (so anybody with
 * a public certificate for the name could pose as a private gateway), and has neither an abort signal
 * nor `setNoDelay`. `Deno.startTls` drops the client certificate (deno#21496).
 *
 * Sessions are not resumed: Deno's `node:tls` hands out tickets that no server knows (deno#30305), each
 * `Deno.connectTls` begins anew, and `fetch`, which resumes, trusts like `connectTls` and cannot upgrade.
 * In TLS 1.3 a resumed handshake takes as many round trips as a full one; `dialer.ts` saves them.
 */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import {
  checkServerIdentity,
  connect as connectTls,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { AgentError } from "../../errors.ts";
import { formatHostPort } from "../../net/address.ts";
import type { Duplex } from "../../net/duplex.ts";
import { keepAlive } from "../../net/keep_alive.ts";
import { isUnanswered } from "../../net/tcp_silence.ts";
import type { Identity } from "../../net/tls/files.ts";
import { socketDuplex } from "../../net/tls/stream.ts";
import { aborted, type TlsEndpoint, tlsError, unreachable, wordsOf } from "./tls_error.ts";
import { serverFlaw } from "./tls_examine.ts";

/** What is below a connection. */
export interface Line {
  /** The address of this machine that it goes out from. */
  readonly localAddress: string | undefined;
  /** Whether nobody takes any more what is sent over it. */
  isUnanswered(): boolean;
  /** Ends it as the system does when it gives up: whoever reads does not take that for an end in order. */
  giveUp(): void;
}

/** Options of {@link dialPlain}. */
export interface DialOptions {
  endpoint: TlsEndpoint;
  /** For connecting and the handshake together, in milliseconds. Default: 15 s. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Is told what the connection goes over. */
  onConnected?: (line: Line) => void;
}

/** Options of {@link dialTls}. */
export interface TlsDialOptions extends DialOptions {
  /** From {@link tlsContext}; share one among all connections, it holds the parsed certificates. */
  context: SecureContext;
  /** Takes any certificate from the server. Default: no. */
  insecure?: boolean;
  /** Is told until when the server's certificate is valid. */
  onServerCertificate?: (validTo: string) => void;
}

const DEFAULT_TIMEOUT = 15_000;
/** Silence after which the kernel asks whether the peer is still there, in milliseconds. */
const KEEP_ALIVE = 15_000;

/**
 * The client's certificate, if it has one, and whom it trusts: `authorities` alone if given, else the
 * public ones.
 */
export function tlsContext(
  identity: Identity | undefined,
  authorities: string | undefined,
): SecureContext {
  return createSecureContext({
    ...identity,
    ...(authorities === undefined ? {} : { ca: authorities }),
    minVersion: "TLSv1.2",
  });
}

/**
 * Dials one connection; the caller owns it. It allows half-close and has Nagle's algorithm off.
 * Throws what {@link tlsError} makes of the failure; with TLS 1.3 a server may refuse the client's
 * certificate only after this, on the first read (RFC 8446, section 4.4.2.4).
 */
export async function dialTls(options: TlsDialOptions): Promise<Duplex> {
  const { endpoint, context, insecure = false, signal } = options;
  if (signal?.aborted) throw aborted(endpoint);
  const { host, port, serverName } = endpoint;
  refuseZone(endpoint);
  const socket: TLSSocket = connectTls({
    host,
    port,
    secureContext: context,
    rejectUnauthorized: !insecure,
    // An IP address must not be sent as SNI (RFC 6066, section 3).
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    checkServerIdentity: (_host, certificate) =>
      insecure ? undefined : checkServerIdentity(serverName, certificate),
    ...ALLOW_HALF_OPEN,
  });
  const duplex = await established(socket, "secureConnect", options);
  // Parsing a certificate costs more than all else here, so it is done only where it is wanted.
  if (options.onServerCertificate !== undefined) {
    options.onServerCertificate(socket.getPeerCertificate().valid_to);
  }
  return duplex;
}

/** Dials one TCP connection without TLS; see {@link dialTls}. */
export async function dialPlain(options: DialOptions): Promise<Duplex> {
  const { endpoint: { host, port }, signal } = options;
  if (signal?.aborted) throw aborted(options.endpoint);
  refuseZone(options.endpoint);
  return await established(
    connectTcp({ host, port, ...ALLOW_HALF_OPEN }),
    "connect",
    options,
  );
}

/** `node:net` of Deno knows no zones and would say `EINVAL`. */
function refuseZone(endpoint: TlsEndpoint): void {
  if (!endpoint.host.includes("%")) return;
  const message = `Cannot connect to "${formatHostPort(endpoint.host, endpoint.port)}": ` +
    "an address with a zone cannot be dialed here";
  throw new AgentError("unreachable", message, {
    hint: `give another address of that machine, or its name, in ${wordsOf(endpoint).address}`,
  });
}

/** Honoured by `tls.connect` (it hands its options to `net.Socket`), but not in its types. */
const ALLOW_HALF_OPEN: Record<string, unknown> = { allowHalfOpen: true };

async function established(
  socket: Socket,
  event: "connect" | "secureConnect",
  options: DialOptions,
): Promise<Duplex> {
  socket.setNoDelay(true);
  try {
    await until(socket, event, options);
    const { localAddress } = socket;
    options.onConnected?.({
      localAddress,
      isUnanswered: () => isUnanswered(socket),
      giveUp: () => void socket.destroy(new Deno.errors.ConnectionAborted("Nobody answers")),
    });
    keepAlive(socket, KEEP_ALIVE);
    return socketDuplex(socket);
  } catch (error) {
    socket.destroy();
    if (error instanceof AgentError) throw error;
    const { endpoint, signal } = options;
    throw tlsError(endpoint, error, await serverFlaw(endpoint, error, signal));
  }
}

async function until(socket: Socket, event: string, options: DialOptions): Promise<void> {
  const { endpoint, signal, timeoutMs = DEFAULT_TIMEOUT } = options;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const giveUp = () => reject(aborted(endpoint));
  const late = () =>
    reject(unreachable(endpoint, `no answer within ${Math.ceil(timeoutMs / 1000)} s`));
  const timer = setTimeout(late, timeoutMs);
  signal?.addEventListener("abort", giveUp);
  socket.once(event, resolve);
  socket.on("error", reject);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
    // The error listener stays: an error that nobody listens for would end the process.
    socket.off(event, resolve);
  }
}
