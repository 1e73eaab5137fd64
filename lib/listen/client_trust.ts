/**
 * Whether a client's certificate is good, and what is wrong with it otherwise: for servers that let
 * every client through the handshake, because only so is it known why one is refused. Fails closed:
 * what is not plainly in order is distrusted.
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { messageOf } from "../errors.ts";
import { type CertificateFlaw, flawOf } from "../net/tls/certificate_flaw.ts";
import type { ClientChains } from "./client_chains.ts";

/** A client after its handshake: its certificate in DER, if any, and why it is not to be trusted. */
export interface ClientTrust {
  readonly certificate?: Uint8Array;
  readonly distrust?: string;
}

/** Node takes OpenSSL's names; its types say Error, and it may be a string. */
const UNVERIFIED = /^(UNABLE_TO_(VERIFY|GET)|DEPTH_ZERO|SELF_SIGNED|CERT_)/;

/** Judges the client of a server with `requestCert` and without `rejectUnauthorized`. */
export function trustOf(socket: Socket, chains: ClientChains): ClientTrust {
  if (!(socket instanceof TLSSocket)) return { distrust: "no TLS" };
  try {
    const certificate = socket.getPeerCertificate()?.raw;
    if (certificate === undefined) return { distrust: "no certificate" };
    if (socket.authorized !== true) {
      return { certificate, distrust: reasonOf(certificate, socket.authorizationError) };
    }
    if (chains.trusts(socket, certificate)) return { certificate };
    return { certificate, distrust: "a session from before is not good any more" };
  } catch (error) {
    return { distrust: messageOf(error) };
  }
}

function reasonOf(certificate: Uint8Array, error: unknown): string {
  const flaw = flawOf(certificate, "client", Date.now());
  const code = error instanceof Error ? error.message : String(error);
  if (flaw.kind === "unknown-authority" && !UNVERIFIED.test(code)) return code;
  return WORDS[flaw.kind](flaw);
}

const WORDS: Readonly<Record<CertificateFlaw["kind"], (flaw: CertificateFlaw) => string>> = {
  "expired": () => "the certificate has expired",
  "not-yet-valid": () => "the certificate is not valid yet",
  // Nor has the runtime asked for proof of the key then.
  "version-1": () => "the certificate is of X.509 version 1",
  "other-use": () => "the certificate is not for clients",
  "unknown-authority": (flaw) =>
    "no authority of ours has signed the certificate" +
    ("issuer" in flaw ? `, which is from ${JSON.stringify(flaw.issuer)}` : ""),
};
