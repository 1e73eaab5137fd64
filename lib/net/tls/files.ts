/**
 * Certificates and keys from PEM files, checked before they are used, so that a wrong file is named
 * when the program starts and not when the first handshake fails. Holds nothing open; the key's
 * text is given to the caller and never logged.
 */
import { Buffer } from "node:buffer";
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { AgentError, messageOf } from "../../errors.ts";
import { readSmallText } from "../../system/small_file.ts";

/** Paths of a certificate (with any intermediate ones after it) and of its private key. */
export interface IdentityFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** What {@link readIdentity} found in the files, as PEM text. */
export interface Identity {
  cert: string;
  key: string;
}

/** Larger than any real chain or bundle of authorities (Mozilla's has 220 KiB). */
const MAX_FILE_BYTES = 4 * 1024 * 1024;

/**
 * Reads a certificate and its key. `whose` names them in errors, such as `"client"`. Throws
 * `AgentError` of kind `config` when a file cannot be read or parsed, when the certificate is not
 * valid today, or when the two do not belong together.
 */
export async function readIdentity(files: IdentityFiles, whose: string): Promise<Identity> {
  const cert = certificatesIn(await readPem(files.certFile, `${whose} certificate`));
  const key = keyIn(await readPem(files.keyFile, `${whose} key`));
  const leaf = parseCertificate(cert, files.certFile, `${whose} certificate`);
  checkDates(leaf, files.certFile, whose);
  if (!leaf.checkPrivateKey(parseKey(key, files.keyFile, whose))) {
    throw new AgentError(
      "config",
      `The ${whose} key "${files.keyFile}" does not match the certificate "${files.certFile}"`,
      { hint: "give the key that the certificate was requested with" },
    );
  }
  checkUsable({ cert, key }, files, whose);
  return { cert, key };
}

/** Both may be in one file, in any order; the runtime only looks at what comes first. */
function certificatesIn(text: string): string {
  const certificates = splitPem(text.replaceAll("\r", ""));
  return certificates.length === 0 ? text : certificates.join("");
}

function keyIn(text: string): string {
  const blocks = text.match(/-----BEGIN ([A-Z ]*PRIVATE KEY)-----[^]+?-----END \1-----/g);
  return blocks?.[0] ?? text;
}

/** The TLS library has demands of its own, such as the length of an RSA key. */
function checkUsable(identity: Identity, { certFile }: IdentityFiles, whose: string): void {
  try {
    createSecureContext(identity);
  } catch (cause) {
    const why = messageOf(cause).replace(/^error:[^:]*:[^:]*:+/, "");
    throw new AgentError("config", `Cannot use the ${whose} certificate "${certFile}": ${why}`, {
      cause,
      hint: "make one with a key of ECDSA P-256 or RSA of at least 2048 bits",
    });
  }
}

/** Reads one or more authorities' certificates; same errors as {@link readIdentity}. */
export async function readAuthorities(path: string, whose: string): Promise<string> {
  const text = certificatesIn(await readPem(path, `${whose} CA`));
  const { issuer } = parseCertificate(text, path, `${whose} CA`);
  const certificates = splitPem(text);
  if (certificates.length > 0 && certificates.every(isOfNoAuthority)) {
    const message = `Cannot use the ${whose} CA "${path}": it is no authority's certificate`;
    throw new AgentError("config", message, {
      hint: `give that of the authority which has signed it: ${issuer.replaceAll("\n", ", ")}`,
    });
  }
  return text;
}

/** Old roots do not say that they may sign, but have signed themselves. */
function isOfNoAuthority(pem: string): boolean {
  try {
    const { ca, subject, issuer } = new X509Certificate(pem);
    return !ca && subject !== issuer;
  } catch {
    return false; // one that only the TLS library understands
  }
}

/** A bundle as one text for each certificate in it. */
export function splitPem(bundle: string): string[] {
  return bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];
}

async function readPem(path: string, what: string): Promise<string> {
  try {
    return await readSmallText(path, MAX_FILE_BYTES);
  } catch (cause) {
    throw new AgentError("config", `Cannot read the ${what} "${path}": ${messageOf(cause)}`, {
      cause,
      hint: "check the path and its permissions",
    });
  }
}

function parseCertificate(pem: string, path: string, what: string): X509Certificate {
  try {
    return new X509Certificate(Buffer.from(pem));
  } catch (cause) {
    throw new AgentError("config", `Cannot use the ${what} "${path}": not a certificate`, {
      cause,
      hint: "give a PEM file that begins with -----BEGIN CERTIFICATE-----",
    });
  }
}

function parseKey(pem: string, path: string, whose: string): KeyObject {
  // PKCS #8 says so in its first line (RFC 7468, section 11), older keys in a header (RFC 1421).
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw new AgentError("config", `Cannot use the ${whose} key "${path}": it is encrypted`, {
      hint: `write a copy without a passphrase: openssl pkey -in ${path} -out plain.pem`,
    });
  }
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new AgentError("config", `Cannot use the ${whose} key "${path}": not a private key`, {
      cause,
      hint: "give a PEM file that begins with -----BEGIN PRIVATE KEY-----",
    });
  }
}

function checkDates(leaf: X509Certificate, path: string, whose: string): void {
  const now = Date.now();
  const expired = now > Date.parse(leaf.validTo);
  if (!expired && now >= Date.parse(leaf.validFrom)) return;
  const [since, date] = expired
    ? ["expired on", leaf.validTo]
    : ["is not valid before", leaf.validFrom];
  throw new AgentError("config", `The ${whose} certificate "${path}" ${since} ${date}`, {
    hint: expired ? "renew the certificate" : "check the clock of this machine",
  });
}
