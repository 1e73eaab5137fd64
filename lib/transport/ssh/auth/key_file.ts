/**
 * Private key files: reading one with the checks of OpenSSH, finding its public half without the
 * passphrase, and unlocking it. Formats: OpenSSH, PEM and PuTTY (as ssh2 parses them).
 */
import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ParsedKey } from "ssh2";
import { AgentError, messageOf } from "../../../errors.ts";
import { readSmallText } from "../../../system/small_file.ts";
import { utils } from "../ssh2.ts";

/** A key file that has been read. */
export interface KeyFile {
  path: string;
  /** The public half in SSH wire format; absent if only the passphrase can tell. */
  publicBlob: Buffer | undefined;
  /** The key, if no passphrase is needed. */
  key: ParsedKey | undefined;
  /** What {@link unlockKey} works on; empty if the file holds a public key only. */
  encrypted: string;
}

const MAX_KEY_BYTES = 128 * 1024;
const OPENSSH_MAGIC = "openssh-key-v1\0";
const OPENSSH_ARMOR =
  /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----/;

/**
 * Reads a key file. Throws `AgentError` of kind `authentication` that says why the file cannot be
 * used: missing, unreadable, no key, or open to others.
 */
export async function readKeyFile(path: string): Promise<KeyFile> {
  const text = await readText(path);
  const parsed = parse(text);
  if (!(parsed instanceof Error)) {
    const isPrivate = parsed.isPrivateKey();
    if (isPrivate) await refuseIfOpen(path);
    const key = isPrivate ? parsed : undefined;
    return { path, publicBlob: parsed.getPublicSSH(), key, encrypted: "" };
  }
  if (!/encrypted/i.test(parsed.message)) {
    throw unusable(path, "it is not a private key of a known format", parsed);
  }
  await refuseIfOpen(path);
  const publicBlob = embeddedPublic(text) ?? await publicBeside(path);
  return { path, publicBlob, key: undefined, encrypted: text };
}

/** ssh2 throws where Deno lacks a curve, and returns every other error. */
function parse(text: string, passphrase?: string): ParsedKey | Error {
  try {
    return utils.parseKey(text, passphrase);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readSmallText(path, MAX_KEY_BYTES);
  } catch (cause) {
    throw unusable(path, messageOf(cause), cause);
  }
}

/** As ssh(1): our own file must not be readable by group or others. Windows has no such bits. */
async function refuseIfOpen(path: string): Promise<void> {
  const { mode, uid } = await Deno.stat(path);
  if (mode === null || Deno.build.os === "windows" || uid !== Deno.uid()) return;
  if ((mode & 0o077) === 0) return;
  const octal = (mode & 0o777).toString(8).padStart(4, "0");
  throw new AgentError(
    "authentication",
    `Cannot use SSH key "${path}": permissions ${octal} are too open`,
    { hint: `make it readable by you alone: chmod 600 "${path}"` },
  );
}

function unusable(path: string, why: string, cause: unknown): AgentError {
  return new AgentError("authentication", `Cannot use SSH key "${path}": ${why}`, {
    cause,
    hint: "check --ssh-key, --identity-path or IdentityFile; it names the private key file",
  });
}

/** The OpenSSH format keeps the public key in the clear (PROTOCOL.key of OpenSSH). */
function embeddedPublic(text: string): Buffer | undefined {
  const armored = OPENSSH_ARMOR.exec(text)?.[1];
  if (armored === undefined) return undefined;
  const data = Buffer.from(armored, "base64");
  if (data.toString("latin1", 0, OPENSSH_MAGIC.length) !== OPENSSH_MAGIC) return undefined;
  let at = OPENSSH_MAGIC.length;
  const next = () => {
    const start = at + 4;
    at = start + data.readUInt32BE(at);
    return data.subarray(start, at);
  };
  try {
    next(); // cipher
    next(); // key derivation
    next(); // its options
    at += 4; // number of keys, always 1
    const blob = next();
    return at <= data.length && blob.length > 0 ? Buffer.from(blob) : undefined;
  } catch {
    // A length that points past the end: the file is broken and unlocking it will say so.
    return undefined;
  }
}

async function publicBeside(path: string): Promise<Buffer | undefined> {
  try {
    const parsed = parse(await Deno.readTextFile(`${path}.pub`));
    return parsed instanceof Error ? undefined : parsed.getPublicSSH();
  } catch {
    // No such file: ssh-keygen writes one, but nobody needs to keep it.
    return undefined;
  }
}

/** The key in an encrypted file, or `undefined` if the passphrase is wrong. */
export function unlockKey(file: KeyFile, passphrase: string): ParsedKey | undefined {
  const parsed = parse(file.encrypted, passphrase);
  return parsed instanceof Error ? undefined : parsed;
}
