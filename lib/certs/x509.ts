/**
 * Makes certificates: ECDSA on P-256 with SHA-256, version 3, random serial numbers. The library
 * behind it is named here and nowhere else. Nothing is read from or written to files.
 */
import "reflect-metadata"; // asked for by the library before it is loaded
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { Identity } from "../net/tls/files.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
/** RFC 5280, appendix A.1; a longer name of a server stands among the alternative names alone. */
const MAX_COMMON_NAME = 64;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Clocks differ: a certificate is valid a little before it was made. */
const BACKDATE_MS = 5 * 60 * 1000;

/** One subject alternative name. */
export interface AltName {
  readonly type: "dns" | "ip" | "url";
  readonly value: string;
}

/** What a certificate says. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly days: number;
  /** A server's certificate cannot be used by a client, nor the other way round. */
  readonly usage: "server" | "client";
  readonly altNames: readonly AltName[];
}

/** A new authority: signs certificates of servers and clients, and no further authorities. */
export async function makeAuthority(commonName: string, days: number): Promise<Identity> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    keys,
    ...validity(days),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return await identity(certificate, keys.privateKey);
}

/**
 * A new key and its certificate, signed by `authority`; never valid for longer than that one.
 * Throws plain errors for an authority that is no such thing.
 */
export async function issue(
  authority: Identity,
  request: CertificateRequest,
): Promise<Identity & { notAfter: Date }> {
  const issuer = new X509Certificate(authority.cert);
  if (issuer.getExtension(BasicConstraintsExtension)?.ca !== true) {
    throw new Error("its certificate is not that of an authority");
  }
  const signingKey = await readKey(authority.key);
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const { notBefore, notAfter } = validity(request.days);
  const until = notAfter < issuer.notAfter ? notAfter : issuer.notAfter;
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [request.commonName.slice(0, MAX_COMMON_NAME)] }],
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey,
    notBefore,
    notAfter: until,
    signingAlgorithm: ALGORITHM,
    extensions: await extensionsOf(request, issuer, keys.publicKey),
  });
  if (!await certificate.verify({ publicKey: issuer.publicKey, signatureOnly: true })) {
    throw new Error("its key does not belong to its certificate");
  }
  return { ...await identity(certificate, keys.privateKey), notAfter: until };
}

async function extensionsOf(
  { usage, altNames }: CertificateRequest,
  issuer: X509Certificate,
  publicKey: CryptoKey,
): Promise<Extension[]> {
  const purpose = usage === "server" ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth;
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([purpose]),
    ...(altNames.length === 0 ? [] : [new SubjectAlternativeNameExtension([...altNames])]),
    await SubjectKeyIdentifierExtension.create(publicKey),
    await AuthorityKeyIdentifierExtension.create(issuer),
  ];
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(now + days * DAY_MS) };
}

function readKey(pem: string): Promise<CryptoKey> {
  const [bytes] = PemConverter.decode(pem);
  if (bytes === undefined) throw new Error("its key is not in PEM form");
  return crypto.subtle.importKey("pkcs8", bytes, ALGORITHM, false, ["sign"]);
}

async function identity(certificate: X509Certificate, key: CryptoKey): Promise<Identity> {
  const bytes = await crypto.subtle.exportKey("pkcs8", key);
  return {
    cert: `${certificate.toString("pem")}\n`,
    key: `${PemConverter.encode(bytes, "PRIVATE KEY")}\n`,
  };
}
