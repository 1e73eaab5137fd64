/** Who a client is: the names in a certificate that has been verified, and what logs call it. */
import { X509Certificate } from "node:crypto";
import { certificateNames } from "../certs/read.ts";

/** See the file comment. */
export interface ClientIdentity {
  /** For logs: the common name, else a URI, else a DNS name, else the fingerprint. */
  readonly label: string;
  readonly commonName: string | undefined;
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
  /** SHA-256 of the certificate, 64 hex digits in lower case. */
  readonly fingerprint: string;
  /** When the certificate expires, as `Date.now()` counts. */
  readonly notAfter: number;
  /** To be checked against authorities. */
  readonly certificate: X509Certificate;
}

/** The identity in a DER certificate; throws plain errors for what is none. */
function identityOf(der: Uint8Array): ClientIdentity {
  const certificate = new X509Certificate(der);
  const names = certificateNames(der);
  const fingerprint = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
  const label = names.commonName ?? names.uris[0] ?? names.dnsNames[0] ?? fingerprint;
  const notAfter = Date.parse(certificate.validTo);
  return { ...names, label, fingerprint, notAfter, certificate };
}

/** Identities by certificate: a client with many connections is read once. Bounded. */
export class IdentityCache {
  static readonly #MAX = 1024;
  readonly #known = new Map<string, ClientIdentity>();

  /** As {@link identityOf}. */
  of(der: Uint8Array): ClientIdentity {
    const key = der.toBase64();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const identity = identityOf(der);
    const [oldest] = this.#known.keys();
    if (this.#known.size >= IdentityCache.#MAX && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(key, identity);
    return identity;
  }
}
