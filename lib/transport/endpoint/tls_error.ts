/**
 * Why a TLS connection to a gateway or guest failed, in the user's words: which side's certificate,
 * what is wrong with it, and which option of theirs to look at. Pure.
 */
import { AgentError, errorCode, type ErrorKind, messageOf } from "../../errors.ts";
import { formatHostPort } from "../../net/address.ts";
import type { CertificateFlaw } from "../../net/tls/certificate_flaw.ts";

/** Where to dial, and who is expected there. */
export interface TlsEndpoint {
  readonly host: string;
  readonly port: number;
  /** Sent as SNI unless it is an IP address, and verified against the server's certificate. */
  readonly serverName: string;
  /** Default: {@link MTLS_WORDS}. */
  readonly words?: EndpointWords;
  /** The certificate that we show, where it is known whether there is one. */
  readonly tls?: { readonly certFile?: string };
}

/** What the user calls the parts of an endpoint, for hints. */
export interface EndpointWords {
  /** Who answers there, such as `gateway`. */
  readonly peer: string;
  readonly address: string;
  readonly cert: string;
  readonly ca: string;
  /** Where there is one for a token. */
  readonly token?: string;
  /** What to do about a name that the server's certificate does not have. */
  readonly name: string;
}

/** The words of `--transport mtls`. */
const MTLS_WORDS: EndpointWords = {
  peer: "gateway",
  address: "--mtls-endpoint",
  cert: "--mtls-cert",
  ca: "--mtls-ca",
  name: "set --mtls-sni to a name that the certificate has",
};

/** The words of `--ts-server`. */
export const TS_WORDS: EndpointWords = {
  peer: "server",
  address: "--ts-server",
  cert: "--ts-cert",
  ca: "--ts-ca",
  token: "--ts-token-file",
  name: "set --ts-sni to a name that the certificate has",
};

/** The words of a `tstunnel://` URL. */
export const URL_WORDS: EndpointWords = {
  peer: "server",
  address: "the server in the URL",
  cert: "cert= in the URL",
  ca: "ca= in the URL",
  token: "--ts-token-file",
  name: "write a name that the certificate has, and where it is with endpoint=HOST:PORT",
};

/** The user's words for `endpoint`. */
export function wordsOf({ words = MTLS_WORDS }: TlsEndpoint): EndpointWords {
  return words;
}

/**
 * A failed handshake, or an error of a TLS connection later on, in the user's words; `flaw` is what is
 * known of the server's certificate beyond the error.
 */
export function tlsError(
  endpoint: TlsEndpoint,
  error: unknown,
  flaw?: CertificateFlaw,
): AgentError {
  const code = (flaw && FLAW_CODES[flaw.kind]) ?? errorCode(error);
  const found = CAUSES.find(({ pattern }) => pattern.test(code));
  if (found === undefined) return unreachable(endpoint, messageOf(error), error);
  const { kind, explain } = found;
  const { reason, hint } = explain(endpoint, error, flaw);
  const message = `Cannot connect to "${formatHostPort(endpoint.host, endpoint.port)}": ${reason}`;
  return new AgentError(kind, message, { cause: error, hint });
}

interface Cause {
  /** Matches the error's code. */
  pattern: RegExp;
  kind: ErrorKind;
  explain: (
    endpoint: TlsEndpoint,
    error: unknown,
    flaw: CertificateFlaw | undefined,
  ) => { reason: string; hint: string };
}

/** What Node would have said. */
const FLAW_CODES: Partial<Record<CertificateFlaw["kind"], string>> = {
  "expired": "CERT_HAS_EXPIRED",
  "not-yet-valid": "CERT_NOT_YET_VALID",
  "other-use": "INVALID_PURPOSE",
};

/** Ordered, first match wins. Codes are those of Node, which take OpenSSL's names for TLS alerts. */
const CAUSES: readonly Cause[] = [
  {
    pattern: /^(SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(GET|VERIFY)|CERT_UNTRUSTED|INVALID_CA)/,
    kind: "authentication",
    explain: (endpoint, _error, flaw) => ({
      reason: "the server certificate is from an unknown authority" +
        (flaw !== undefined && "issuer" in flaw ? `, ${JSON.stringify(flaw.issuer)}` : ""),
      hint: `give the certificate of the ${wordsOf(endpoint).peer}'s CA with ${
        wordsOf(endpoint).ca
      }, or have the ${wordsOf(endpoint).peer} send intermediate ones`,
    }),
  },
  {
    pattern: /^INVALID_PURPOSE$/,
    kind: "authentication",
    explain: (endpoint) => ({
      reason: "the server certificate is not for servers",
      hint: `have the ${wordsOf(endpoint).peer} use one with serverAuth in its extendedKeyUsage`,
    }),
  },
  {
    pattern: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    kind: "authentication",
    explain: (endpoint, error) => ({
      reason: `the server certificate is not for "${endpoint.serverName}"${namesOf(error)}`,
      hint: wordsOf(endpoint).name,
    }),
  },
  {
    pattern: /^CERT_HAS_EXPIRED$/,
    kind: "authentication",
    explain: (endpoint) => ({
      reason: "the server certificate has expired",
      hint: `have the ${
        wordsOf(endpoint).peer
      }'s certificate renewed, or check the clock of this machine`,
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
    explain: (endpoint) => ({
      reason: `the ${wordsOf(endpoint).peer} does not know "${endpoint.serverName}"`,
      hint: wordsOf(endpoint).peer === "gateway" ? "check --mtls-sni" : wordsOf(endpoint).name,
    }),
  },
  {
    pattern: /ALERT_.*(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR|HANDSHAKE_FAILURE)/,
    kind: "authentication",
    explain: (endpoint) =>
      endpoint.tls !== undefined && endpoint.tls.certFile === undefined
        ? {
          reason: "the server wants a client certificate",
          hint: `give one with ${wordsOf(endpoint).cert}`,
        }
        : ({
          reason: "the server refused the client certificate",
          hint: `check that ${wordsOf(endpoint).cert} is signed by an authority the ${
            wordsOf(endpoint).peer
          } trusts`,
        }),
  },
  {
    pattern: /WRONG_VERSION_NUMBER|HTTP_REQUEST/,
    kind: "unreachable",
    explain: (endpoint) => ({
      reason: "the server does not speak TLS",
      hint: `check the port in ${wordsOf(endpoint).address}`,
    }),
  },
  {
    pattern: /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/,
    kind: "unreachable",
    explain: (endpoint) => ({
      reason: "the server does not speak TLS 1.2 or later",
      hint: `have the ${wordsOf(endpoint).peer} allow TLS 1.2 or 1.3`,
    }),
  },
  {
    // Node's words for an end of the connection before that of the handshake.
    pattern: /^ECONNRESET$/,
    kind: "unreachable",
    explain: (endpoint) => ({
      reason: "the server ended the TLS handshake",
      hint: `check that TLS is spoken at the port in ${wordsOf(endpoint).address}`,
    }),
  },
  {
    pattern: /^ECONNREFUSED$/,
    kind: "unreachable",
    explain: (endpoint) => ({
      reason: "connection refused",
      hint: `check ${wordsOf(endpoint).address}`,
    }),
  },
  {
    pattern: /^(ENOTFOUND|EAI_)/,
    kind: "unreachable",
    explain: (endpoint) => ({
      reason: `the name "${endpoint.host}" cannot be resolved`,
      hint: `check ${wordsOf(endpoint).address} and the network`,
    }),
  },
];

/** Codes of a host that is there, although nobody we could use is at the port. */
const ANSWERS = /^(ECONNREFUSED|ECONNRESET)$|SSL|TLS/;

/** Whether a failed attempt shows that the host itself answers. */
export function isAnswer(error: unknown): boolean {
  if (!(error instanceof AgentError) || error.kind === "lost") return false;
  return error.kind !== "unreachable" || ANSWERS.test(errorCode(error.cause));
}

/** Nobody answers at `endpoint`, for a reason that is not a matter of TLS. */
export function unreachable(endpoint: TlsEndpoint, reason: string, cause?: unknown): AgentError {
  const message = `Cannot connect to "${formatHostPort(endpoint.host, endpoint.port)}": ${reason}`;
  return new AgentError("unreachable", message, {
    cause,
    hint: `check ${wordsOf(endpoint).address} and the network`,
  });
}

/** Whoever wanted the connection no longer does. */
export function aborted({ host, port }: TlsEndpoint): AgentError {
  return new AgentError("lost", `Gave up connecting to "${formatHostPort(host, port)}"`);
}

/** Node's error carries the peer's certificate; its names look like `DNS:a.example, DNS:b`. */
function namesOf(error: unknown): string {
  const names = (error as { cert?: { subjectaltname?: unknown } }).cert?.subjectaltname;
  return typeof names === "string" ? ` but for ${names.replaceAll(/(DNS|IP Address):/g, "")}` : "";
}
