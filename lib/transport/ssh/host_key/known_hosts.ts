/**
 * The known_hosts format of sshd(8) and what OpenSSH makes of it, as a pure function of the text:
 * which keys a host is known by, and whether an offered key is one of them. Reading and writing the
 * files is the work of `known_hosts_file.ts`.
 */
import { Buffer } from "node:buffer";
import { createHash, createHmac, randomBytes } from "node:crypto";

/** One usable line of a known_hosts file. */
export interface KnownHostLine {
  file: string;
  /** Counted from 1. */
  line: number;
  marker: "none" | "revoked" | "cert-authority";
  /** The first field: hashed, or a comma-separated pattern list. */
  names: string;
  /** Such as `ssh-ed25519`. */
  type: string;
  /** The key in SSH wire format, base64 without padding differences. */
  key: string;
}

/** A line as a message quotes it. */
export interface KnownKey {
  type: string;
  fingerprint: string;
  file: string;
  line: number;
}

/** What the files say about an offered key. */
export type Lookup =
  | { kind: "match" }
  | { kind: "unknown" }
  | { kind: "changed"; known: KnownKey[] }
  | { kind: "revoked"; by: KnownKey }
  | { kind: "cert-authority"; by: KnownKey };

const DEFAULT_PORT = 22;
const HASH_MAGIC = "|1|";

/**
 * The usable lines of a known_hosts file. Comments, blank lines and lines that are no host key (a
 * broken key, the RSA1 format of protocol 1) are passed over, as ssh(1) does.
 */
export function parseKnownHosts(text: string, file: string): KnownHostLine[] {
  return text.split("\n").flatMap((raw, index) => {
    const parsed = parseLine(raw.trim());
    return parsed === undefined ? [] : [{ ...parsed, file, line: index + 1 }];
  });
}

function parseLine(text: string): Omit<KnownHostLine, "file" | "line"> | undefined {
  if (text === "" || text.startsWith("#")) return undefined;
  const fields = text.split(/[ \t]+/);
  const marker = parseMarker(fields[0] ?? "");
  if (marker === undefined) return undefined;
  if (marker !== "none") fields.shift();
  const [names, type, encoded] = fields;
  if (names === undefined || type === undefined || encoded === undefined) return undefined;
  const blob = Buffer.from(encoded, "base64");
  if (keyTypeOf(blob) !== type) return undefined;
  return { marker, names, type, key: blob.toString("base64") };
}

function parseMarker(field: string): KnownHostLine["marker"] | undefined {
  if (!field.startsWith("@")) return "none";
  if (field === "@revoked") return "revoked";
  return field === "@cert-authority" ? "cert-authority" : undefined;
}

/** The type named inside a key in SSH wire format (RFC 4253 section 6.6), or `undefined`. */
export function keyTypeOf(blob: Uint8Array): string | undefined {
  const view = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  if (view.length < 4) return undefined;
  const length = view.readUInt32BE(0);
  if (length === 0 || length > 64 || view.length <= 4 + length) return undefined;
  return view.toString("latin1", 4, 4 + length);
}

/** `SHA256:` and the unpadded base64 of the hash, as ssh-keygen -l prints it. */
export function fingerprintOf(blob: Uint8Array): string {
  const hash = createHash("sha256").update(blob).digest("base64");
  return `SHA256:${hash.replace(/=+$/, "")}`;
}

/** The name a host goes by in known_hosts: `[host]:port` unless the port is 22. Lower case. */
export function hostEntryName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === DEFAULT_PORT ? name : `[${name}]:${port}`;
}

/**
 * What the lines say about a key offered by `name` (see {@link hostEntryName}, or a HostKeyAlias).
 * The rules are those of OpenSSH: a revoked key is refused wherever else it is listed; an equal key
 * is a match; any other key known for the host, of whatever type, means the key has changed.
 */
export function lookupKey(lines: readonly KnownHostLine[], name: string, blob: Uint8Array): Lookup {
  const key = Buffer.from(blob).toString("base64");
  const mine = lines.filter((line) => matchesName(line.names, name));
  const revoked = mine.find((line) => line.marker === "revoked" && line.key === key);
  if (revoked !== undefined) return { kind: "revoked", by: quote(revoked) };
  const plain = mine.filter((line) => line.marker === "none");
  if (plain.some((line) => line.key === key)) return { kind: "match" };
  if (plain.length > 0) return { kind: "changed", known: plain.map(quote) };
  const authority = mine.find((line) => line.marker === "cert-authority");
  if (authority !== undefined) return { kind: "cert-authority", by: quote(authority) };
  return { kind: "unknown" };
}

/** The key types a host is known by, in the order of the lines, without repetition. */
export function knownKeyTypes(lines: readonly KnownHostLine[], name: string): string[] {
  const mine = lines.filter((line) => line.marker === "none" && matchesName(line.names, name));
  return [...new Set(mine.map((line) => line.type))];
}

function quote({ type, key, file, line }: KnownHostLine): KnownKey {
  return { type, fingerprint: fingerprintOf(Buffer.from(key, "base64")), file, line };
}

/** Whether the first field of a line covers `name`. A matching negated pattern outweighs all. */
export function matchesName(names: string, name: string): boolean {
  if (names.startsWith(HASH_MAGIC)) return matchesHash(names, name);
  let matched = false;
  for (const pattern of names.toLowerCase().split(",")) {
    const negated = pattern.startsWith("!");
    if (!matchesGlob(negated ? pattern.slice(1) : pattern, name)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

function matchesHash(field: string, name: string): boolean {
  const [salt = "", hash = ""] = field.slice(HASH_MAGIC.length).split("|");
  return hashName(name, Buffer.from(salt, "base64")) === hash;
}

function hashName(name: string, salt: Uint8Array): string {
  return createHmac("sha1", salt).update(name).digest("base64");
}

/** `*` is any run of characters, `?` exactly one. No backtracking past the last star. */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0, t = 0, star = -1, retry = 0;
  while (t < text.length) {
    const wanted = pattern[p];
    if (wanted === "*") {
      star = p++;
      retry = t;
    } else if (wanted === "?" || wanted === text[t]) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

/** A line for a new key, without newline. `hashed` is what `HashKnownHosts yes` asks for. */
export function formatKnownHost(name: string, blob: Uint8Array, hashed: boolean): string {
  const salt = randomBytes(20);
  const field = hashed ? `${HASH_MAGIC}${salt.toString("base64")}|${hashName(name, salt)}` : name;
  return `${field} ${keyTypeOf(blob) ?? "unknown"} ${Buffer.from(blob).toString("base64")}`;
}
