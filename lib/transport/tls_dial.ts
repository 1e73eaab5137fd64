/**
 * Dials TLS connections with a client certificate, and says in the user's words why one failed.
 *
 * Everything goes through `node:tls`, never `Deno.connectTls`: that one takes the name to verify
 * from the host it dials, adds `caCerts` to the public authorities instead of replacing them (so
 * anybody with a public certificate for the name could pose as a private gateway), and has neither
 * an abort signal nor `setNoDelay`. `Deno.startTls` drops the client certificate (deno#21496).
 */
import { isIP } from "node:net";
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { AgentError, type ErrorKind, messageOf } from "../errors.ts";
import { formatHostPort } from "../net/address.ts";
import type { Duplex } from "../net/duplex.ts";
import { nodeStreamDuplex } from "../net/node_stream.ts";
import type { Identity } from "../net/tls_files.ts";

/** Where to dial, and who is expected there. */
export interface TlsEndpoint {
  readonly host: string;
  readonly port: number;
  /** Sent as SNI unless it is an IP address, and verified against the server's certificate. */
  readonly serverName: string;
}

/** Options of {@link dialTls}. */
export interface TlsDialOptions {
  endpoint: TlsEndpoint;
  /** From {@link tlsContext}; share one among all connections, it holds the parsed certificates. */
  context: SecureContext;
  /** For connecting and the handshake together, in milliseconds. Default: 15 s. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

const DEFAULT_TIMEOUT = 15_000;

/**
 * The client's certificate and whom it trusts: `authorities` alone if given, else the public ones.
 */
export function tlsContext(identity: Identity, authorities: string | undefined): SecureContext {
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
  const { endpoint, signal } = options;
  if (signal?.aborted) throw aborted(endpoint);
  const { host, port, serverName } = endpoint;
  const socket = connect({
    host,
    port,
    secureContext: options.context,
    // An IP address must not be sent as SNI (RFC 6066, section 3).
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate),
    ...ALLOW_HALF_OPEN,
  });
  socket.setNoDelay(true);
  try {
    await handshake(socket, options);
    return nodeStreamDuplex(socket);
  } catch (error) {
    socket.destroy();
    throw error instanceof AgentError ? error : tlsError(endpoint, error);
  }
}

/** Honoured by `tls.connect` (it hands its options to `net.Socket`), but not in its types. */
const ALLOW_HALF_OPEN: Record<string, unknown> = { allowHalfOpen: true };

async function handshake(socket: TLSSocket, options: TlsDialOptions): Promise<void> {
  const { endpoint, signal, timeoutMs = DEFAULT_TIMEOUT } = options;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const giveUp = () => reject(aborted(endpoint));
  const late = () =>
    reject(unreachable(endpoint, `no answer within ${Math.ceil(timeoutMs / 1000)} s`));
  const timer = setTimeout(late, timeoutMs);
  signal?.addEventListener("abort", giveUp);
  socket.once("secureConnect", resolve);
  socket.on("error", reject);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
    // The error listener stays: an error that nobody listens for would end the process.
    socket.off("secureConnect", resolve);
  }
}

/** A failed handshake, or an error of a TLS connection later on, in the user's words. */
export function tlsError(endpoint: TlsEndpoint, error: unknown): AgentError {
  const code = codeOf(error);
  const found = CAUSES.find(({ pattern }) => pattern.test(code));
  if (found === undefined) return unreachable(endpoint, messageOf(error), error);
  const { kind, explain } = found;
  const { reason, hint } = explain(endpoint, error);
  const message = `Cannot connect to "${formatHostPort(endpoint.host, endpoint.port)}": ${reason}`;
  return new AgentError(kind, message, { cause: error, hint });
}

interface Cause {
  /** Matches the error's code. */
  pattern: RegExp;
  kind: ErrorKind;
  explain: (endpoint: TlsEndpoint, error: unknown) => { reason: string; hint: string };
}

/** Ordered, first match wins. Codes are those of Node, which take OpenSSL's names for TLS alerts. */
const CAUSES: readonly Cause[] = [
  {
    pattern: /^(SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(GET|VERIFY)|CERT_UNTRUSTED|INVALID_CA)/,
    kind: "authentication",
    explain: () => ({
      reason: "the server certificate is from an unknown authority",
      hint: "give the certificate of the gateway's CA with --mtls-ca",
    }),
  },
  {
    pattern: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    kind: "authentication",
    explain: ({ serverName }, error) => ({
      reason: `the server certificate is not for "${serverName}"${namesOf(error)}`,
      hint: "set --mtls-sni to a name that the certificate has",
    }),
  },
  {
    pattern: /^CERT_HAS_EXPIRED$/,
    kind: "authentication",
    explain: () => ({
      reason: "the server certificate has expired",
      hint: "have the gateway's certificate renewed, or check the clock of this machine",
    }),
  },
  {
    pattern: /^CERT_NOT_YET_VALID$/,
    kind: "authentication",
    explain: () => ({
      reason: "the server certificate is not valid yet",
      hint: "check the clock of this machine",
    }),
  },
  {
    pattern: /UNRECOGNIZED_NAME/,
    kind: "engine",
    explain: ({ serverName }) => ({
      reason: `the gateway does not know "${serverName}"`,
      hint: "check --mtls-sni",
    }),
  },
  {
    pattern: /ALERT_.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR|HANDSHAKE_FAILURE)/,
    kind: "authentication",
    explain: () => ({
      reason: "the server refused the client certificate",
      hint: "check that --mtls-cert is signed by an authority the gateway trusts",
    }),
  },
  {
    pattern: /WRONG_VERSION_NUMBER|HTTP_REQUEST/,
    kind: "unreachable",
    explain: () => ({
      reason: "the server does not speak TLS",
      hint: "check the port in --mtls-endpoint",
    }),
  },
  {
    pattern: /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/,
    kind: "unreachable",
    explain: () => ({
      reason: "the server does not speak TLS 1.2 or later",
      hint: "have the gateway allow TLS 1.2 or 1.3",
    }),
  },
  {
    pattern: /^ECONNREFUSED$/,
    kind: "unreachable",
    explain: () => ({ reason: "connection refused", hint: "check --mtls-endpoint" }),
  },
  {
    pattern: /^(ENOTFOUND|EAI_)/,
    kind: "unreachable",
    explain: ({ host }) => ({
      reason: `the name "${host}" cannot be resolved`,
      hint: "check --mtls-endpoint and the network",
    }),
  },
];

function unreachable(endpoint: TlsEndpoint, reason: string, cause?: unknown): AgentError {
  const message = `Cannot connect to "${formatHostPort(endpoint.host, endpoint.port)}": ${reason}`;
  return new AgentError("unreachable", message, {
    cause,
    hint: "check --mtls-endpoint and the network",
  });
}

function aborted({ host, port }: TlsEndpoint): AgentError {
  return new AgentError("lost", `Gave up connecting to "${formatHostPort(host, port)}"`);
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : "";
}

/** Node's error carries the peer's certificate; its names look like `DNS:a.example, DNS:b`. */
function namesOf(error: unknown): string {
  const names = (error as { cert?: { subjectaltname?: unknown } }).cert?.subjectaltname;
  return typeof names === "string" ? ` but for ${names.replaceAll(/(DNS|IP Address):/g, "")}` : "";
}
