/**
 * Judges the client certificates of TLS sessions that are resumed. Such a session brings its certificate
 * along unverified, and Deno's server keeps sessions over `setSecureContext` (seen with 2.9.6, in TLS
 * 1.2 and 1.3; none of Node's options turns them off): with a ticket from before, a client of an
 * authority that was taken out would come in for another day.
 */
import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { splitPem } from "../net/tls/files.ts";

/** Certificates that are remembered; beyond it the oldest is forgotten. */
const MAX_VERIFIED = 4096;

/** See the file comment. Belongs to one server. */
export class ClientChains {
  #bundle: string;
  #authorities: readonly X509Certificate[];
  /** SHA-256 of what a full handshake has verified by these authorities, or a resumed one here. */
  readonly #verified = new Set<string>();
  readonly #now: () => number;

  /**
   * @param bundle The authorities of now, as PEM text.
   * @param now As `Date.now()`.
   */
  constructor(bundle: string, now: () => number = Date.now) {
    this.#bundle = bundle;
    this.#now = now;
    this.#authorities = authoritiesIn(bundle);
  }

  /** From now on these are the authorities; whether they are other ones than before. */
  replace(bundle: string): boolean {
    if (bundle === this.#bundle) return false;
    this.#authorities = authoritiesIn(bundle);
    this.#bundle = bundle;
    this.#verified.clear();
    return true;
  }

  /**
   * Whether the certificate of a handshake that the runtime calls authorized is good by the authorities
   * of now. One that was signed by an authority in between is, once a full handshake has shown it.
   */
  trusts(socket: Pick<TLSSocket, "isSessionReused">, der: Uint8Array): boolean {
    const certificate = new X509Certificate(der);
    const { fingerprint256 } = certificate;
    if (socket.isSessionReused()) {
      const { validFrom, validTo } = certificate;
      const now = this.#now();
      if (now > Date.parse(validTo) || now < Date.parse(validFrom)) return false;
      if (!this.#verified.has(fingerprint256) && !isIssued(certificate, this.#authorities)) {
        return false;
      }
    }
    this.#remember(fingerprint256);
    return true;
  }

  #remember(fingerprint: string): void {
    if (this.#verified.has(fingerprint)) return;
    const [oldest] = this.#verified;
    if (this.#verified.size >= MAX_VERIFIED && oldest !== undefined) this.#verified.delete(oldest);
    this.#verified.add(fingerprint);
  }
}

/** Whether one of the authorities itself has signed the certificate. */
export function isIssued(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
): boolean {
  return authorities.some((authority) =>
    certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
  );
}

/** The certificates of PEM text. */
export function authoritiesIn(bundle: string): X509Certificate[] {
  return splitPem(bundle).map((pem) => new X509Certificate(pem));
}
