/**
 * Decides about the key a host shows: known, new and acceptable, or a reason to stop. One verifier
 * serves one connection attempt. A new key is written down only after the host has proved that it
 * holds the private half.
 */
// @ts-types="@types/ssh2"
import type { ServerHostKeyAlgorithm } from "ssh2";
import { AgentError, messageOf } from "../../../errors.ts";
import type { Logger } from "../../../log.ts";
import type { ResolvedSsh } from "../settings.ts";
import {
  fingerprintOf,
  formatKnownHost,
  hostEntryName,
  keyTypeOf,
  type KnownHostLine,
  knownKeyTypes,
  type Lookup,
  lookupKey,
} from "./known_hosts.ts";
import { appendKnownHost, readKnownHosts } from "./known_hosts_file.ts";

/** Checks the host key of one connection attempt. */
export interface HostKeyVerifier {
  /**
   * To offer: types already known for this host first, or it would seem to have changed its key.
   */
  readonly algorithms: ServerHostKeyAlgorithm[];
  /** `undefined` if `key` (SSH wire format) is acceptable, else the error to stop with. */
  check(key: Uint8Array): AgentError | undefined;
  /** To be called once the host has proved possession of the key: remembers a new one. */
  proved(): Promise<void>;
}

/** The order of OpenSSH; like it, without `ssh-rsa` signatures (SHA-1). */
const ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

/** Reads the known_hosts files. Throws `AgentError` of kind `config` if one cannot be read. */
export async function hostKeyVerifier(host: ResolvedSsh, log: Logger): Promise<HostKeyVerifier> {
  const lines = await readKnownHosts([...host.userKnownHostsFiles, ...host.globalKnownHostsFiles]);
  const name = entryName(host);
  let added: Uint8Array | undefined;
  return {
    algorithms: preferKnown([name, ...bareName(host)].flatMap((one) => knownKeyTypes(lines, one))),
    check(key) {
      const lookup = lookupHost(lines, host, key);
      const error = decide(host, lookup, key);
      added = error === undefined && lookup.kind === "unknown" ? Uint8Array.from(key) : undefined;
      return error;
    },
    async proved() {
      const key = added;
      added = undefined;
      if (key !== undefined) await remember(host, name, key, log);
    },
  };
}

function entryName(host: ResolvedSsh): string {
  return host.hostKeyAlias?.toLowerCase() ?? hostEntryName(host.hostName, host.port);
}

/** A key known for the bare name is good on another port as well, as in ssh(1). */
function bareName(host: ResolvedSsh): string[] {
  return host.hostKeyAlias === undefined ? [host.hostName.toLowerCase()] : [];
}

function lookupHost(lines: readonly KnownHostLine[], host: ResolvedSsh, key: Uint8Array): Lookup {
  const lookup = lookupKey(lines, entryName(host), key);
  if (lookup.kind !== "unknown") return lookup;
  const isKnown = bareName(host).some((name) => lookupKey(lines, name, key).kind === "match");
  return isKnown ? { kind: "match" } : lookup;
}

/** The key types of a host come first, in the usual order among themselves. */
export function preferKnown(types: readonly string[]): ServerHostKeyAlgorithm[] {
  const isKnown = (algorithm: string) =>
    types.includes(algorithm.startsWith("rsa-sha2-") ? "ssh-rsa" : algorithm);
  return [...ALGORITHMS.filter(isKnown), ...ALGORITHMS.filter((one) => !isKnown(one))];
}

function decide(host: ResolvedSsh, lookup: Lookup, key: Uint8Array): AgentError | undefined {
  const offered = `${keyTypeOf(key) ?? "unknown"} ${fingerprintOf(key)}`;
  const fail = (message: string, hint: string) => new AgentError("host-key", message, { hint });
  switch (lookup.kind) {
    case "match":
      return undefined;
    case "unknown":
      if (host.strict !== "yes") return undefined;
      return fail(
        `Host key of "${host.hostName}" is not known: it offers ${offered}`,
        "if the fingerprint is right, accept it once with " +
          "--ssh-strict-host-key-checking accept-new, or by connecting with ssh",
      );
    case "changed":
      return changed(host, lookup, offered);
    case "revoked":
      return fail(
        `Host key of "${host.hostName}" is revoked: it offers ${offered}, marked @revoked in ` +
          `${lookup.by.file}:${lookup.by.line}`,
        "do not connect; ask the administrator of the host for its new key",
      );
    case "cert-authority":
      return fail(
        `Host key of "${host.hostName}" cannot be verified: it is known only by a certificate ` +
          `authority (${lookup.by.file}:${lookup.by.line}), and host certificates are not ` +
          "supported",
        `add the plain key to known_hosts if the fingerprint is right: ${offered}`,
      );
  }
}

function changed(
  host: ResolvedSsh,
  lookup: Extract<Lookup, { kind: "changed" }>,
  offered: string,
): AgentError {
  const known = lookup.known.map((key) =>
    `${key.type} ${key.fingerprint} (${key.file}:${key.line})`
  );
  const file = lookup.known[0]?.file ?? "";
  return new AgentError(
    "host-key",
    `Host key of "${host.hostName}" has changed: it offers ${offered}, but known is ` +
      known.join(", ") + "; someone may be intercepting the connection",
    {
      hint: "if the change is expected, remove the old key with: " +
        `ssh-keygen -f "${file}" -R "${entryName(host)}"`,
    },
  );
}

async function remember(
  host: ResolvedSsh,
  name: string,
  key: Uint8Array,
  log: Logger,
): Promise<void> {
  const file = host.userKnownHostsFiles[0];
  const fields = { host: name, type: keyTypeOf(key), fingerprint: fingerprintOf(key) };
  if (file === undefined) return log.warn("Accepted a new host key, kept nowhere", fields);
  try {
    await appendKnownHost(file, formatKnownHost(name, key, host.hashKnownHosts));
    log.warn("Accepted a new host key", { ...fields, file });
  } catch (error) {
    // As in ssh(1), a key that cannot be kept does not stop the connection it was accepted for.
    log.warn("Cannot keep a new host key", { ...fields, file, error: messageOf(error) });
  }
}
