/**
 * What is wrong with a peer's certificate. The runtime often says no more than that it was not verified
 * (Deno 2.9.6: an expired one, one for the other side and one of a stranger all look the same), so it
 * is looked at again for the log or the user. Decides nothing. Pure.
 */
import { X509Certificate } from "node:crypto";
import { isVersion1 } from "./x509_version.ts";

/** What a certificate is used for in a handshake. */
export type CertificateUse = "client" | "server";

/** See {@link flawOf}. */
export type CertificateFlaw =
  | { readonly kind: "expired" | "not-yet-valid" | "version-1" | "other-use" }
  /** Nothing but its chain; `issuer` is who says to have signed it. */
  | { readonly kind: "unknown-authority"; readonly issuer: string };

/** The object identifiers of RFC 5280, section 4.2.1.12, in DER. */
const EXTENDED_KEY_USAGE = [0x06, 0x03, 0x55, 0x1d, 0x25];
const ANY_USE = [0x06, 0x04, 0x55, 0x1d, 0x25, 0x00];
const KEY_PURPOSE = [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03];
const USES: Readonly<Record<CertificateUse, number>> = { server: 1, client: 2 };
/** More than any list of uses has. */
const MAX_USES_BYTES = 256;
const MAX_ISSUER_CHARS = 80;

/** The likeliest reason why a certificate in DER was not verified at `now`, in `Date.now()`'s terms. */
export function flawOf(der: Uint8Array, use: CertificateUse, now: number): CertificateFlaw {
  const certificate = new X509Certificate(der);
  if (now > Date.parse(certificate.validTo)) return { kind: "expired" };
  if (now < Date.parse(certificate.validFrom)) return { kind: "not-yet-valid" };
  if (isVersion1(der)) return { kind: "version-1" };
  if (!isMeantFor(der, use)) return { kind: "other-use" };
  const issuer = certificate.issuer.replaceAll(/\s+/g, " ").slice(0, MAX_ISSUER_CHARS);
  return { kind: "unknown-authority", issuer };
}

/** True also for one that does not say what it is for. */
function isMeantFor(der: Uint8Array, use: CertificateUse): boolean {
  const at = indexOf(der, EXTENDED_KEY_USAGE);
  if (at < 0) return true;
  const list = der.subarray(at + EXTENDED_KEY_USAGE.length, at + MAX_USES_BYTES);
  return indexOf(list, [...KEY_PURPOSE, USES[use]]) >= 0 || indexOf(list, ANY_USE) >= 0;
}

function indexOf(bytes: Uint8Array, sought: readonly number[]): number {
  const last = bytes.length - sought.length;
  for (let at = 0; at <= last; at++) {
    if (sought.every((byte, offset) => bytes[at + offset] === byte)) return at;
  }
  return -1;
}
