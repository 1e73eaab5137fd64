/**
 * Who a certificate is for. Names are read from its structure, never from the text that runtimes
 * make of it: that text separates names by commas, and a name may contain one (CVE-2021-44532).
 */
import "reflect-metadata"; // asked for by the library before it is loaded
import { SubjectAlternativeNameExtension, X509Certificate } from "@peculiar/x509";

/** The names of a certificate. */
export interface CertificateNames {
  /** Nothing unless there is exactly one. */
  readonly commonName: string | undefined;
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
}

/** The names in a DER certificate; throws plain errors for what is none. */
export function certificateNames(der: Uint8Array): CertificateNames {
  const certificate = new X509Certificate(Uint8Array.from(der));
  const [commonName, ...others] = certificate.subjectName.getField("CN");
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  const ofType = (type: string) =>
    names.filter((name) => name.type === type).map(({ value }) => value);
  return {
    commonName: others.length === 0 ? commonName : undefined,
    dnsNames: ofType("dns").map((name) => name.toLowerCase()),
    uris: ofType("url"),
  };
}
