/**
 * Makes key pairs and writes them where OpenSSH expects them: the private key 0600 in a directory
 * 0700, the public one beside it, and a line in `authorized_keys`. A file that is there is never
 * written over; `authorized_keys` is only ever added to.
 */
import { hostname, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { AgentError, messageOf } from "../errors.ts";
import { exists } from "../system/exists.ts";
import { utils } from "../transport/ssh/ssh2.ts";
import { type KeyKind, keyProblem, kindOfFile } from "./key_types.ts";

/** As the manuals of SSH advise for RSA. */
const RSA_BITS = 4096;

/** Where a new key pair is. */
export interface KeyFiles {
  readonly privateFile: string;
  readonly publicFile: string;
  readonly authorizedKeysFile: string;
  /** The line of the public key. */
  readonly publicLine: string;
}

/**
 * Makes a key pair for signing in. Throws `AgentError` of kind `config` if one of the two files is
 * there already or cannot be written.
 */
export async function generateKeyFiles(path: string, kind: KeyKind): Promise<KeyFiles> {
  const publicFile = `${path}.pub`;
  for (const file of [path, publicFile]) {
    if (await exists(file, cannotWrite)) throw alreadyThere(file);
  }
  const pair = await makePair(kind, `${userName()}@${hostname()}`);
  const authorizedKeysFile = join(dirname(path), "authorized_keys");
  try {
    await makeDirectory(dirname(path));
    await createFile(path, pair.private, 0o600);
    await createFile(publicFile, pair.public + "\n", 0o644);
    await addLine(authorizedKeysFile, pair.public);
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
  return { privateFile: path, publicFile, authorizedKeysFile, publicLine: pair.public };
}

/** Writes a new private key, readable by its owner alone. Throws as {@link generateKeyFiles}. */
export async function generateHostKey(path: string): Promise<string> {
  const pair = await makePair(kindOfFile(path), "relay-server");
  try {
    await makeDirectory(dirname(path));
    await createFile(path, pair.private, 0o600);
  } catch (cause) {
    throw cannotWrite(path, cause);
  }
  return pair.private;
}

/** Both halves of a key in OpenSSH format, the public one as a line. */
export interface Pair {
  readonly private: string;
  readonly public: string;
}

/** ssh2 spoils one ed25519 key in a few hundred: it leaves out a zero byte at the beginning. */
const MAX_TRIES = 20;

/** A new pair that is known to be sound. */
export async function makePair(kind: KeyKind, comment: string): Promise<Pair> {
  for (let round = 0; round < MAX_TRIES; round++) {
    const pair = await generate(kind, comment);
    if (isSound(pair)) return pair;
  }
  throw new AgentError("internal", "Cannot make a key pair that can be read again");
}

function generate(kind: KeyKind, comment: string): Promise<Pair> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, keys: Pair) =>
      error === null ? resolve(keys) : reject(error);
    if (kind === "rsa") utils.generateKeyPair("rsa", { bits: RSA_BITS, comment }, done);
    else utils.generateKeyPair("ed25519", { comment }, done);
  });
}

/** Whether both halves can be read and are of one key. */
export function isSound(pair: Pair, passphrase?: string): boolean {
  const [secret, open] = [utils.parseKey(pair.private, passphrase), utils.parseKey(pair.public)];
  if (secret instanceof Error || open instanceof Error || !secret.isPrivateKey()) return false;
  return secret.getPublicSSH().equals(open.getPublicSSH()) &&
    keyProblem(open.type, open.getPublicSSH()) === undefined;
}

async function makeDirectory(path: string): Promise<void> {
  // The mode is that of a directory made now; one that is there keeps its own.
  await Deno.mkdir(path, { recursive: true, mode: 0o700 });
}

async function createFile(path: string, text: string, mode: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode });
  await writeAll(file, text);
  await file.sync();
}

async function addLine(path: string, line: string): Promise<void> {
  const before = await readIfThere(path);
  if (before.split("\n").includes(line)) return;
  using file = await Deno.open(path, { append: true, create: true, mode: 0o600 });
  await writeAll(file, (before === "" || before.endsWith("\n") ? "" : "\n") + line + "\n");
}

async function writeAll(file: Deno.FsFile, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an account, as in some containers.
    return "user";
  }
}

function alreadyThere(path: string, cause?: unknown): AgentError {
  return new AgentError("config", `Cannot write key file "${path}": it is there already`, {
    cause,
    hint: "move it away, or name another file with --identity-path",
  });
}

function cannotWrite(path: string, cause: unknown): AgentError {
  if (cause instanceof Deno.errors.AlreadyExists) return alreadyThere(path, cause);
  return new AgentError("config", `Cannot write key file "${path}": ${messageOf(cause)}`, {
    cause,
    hint: "name a file in a directory of yours with --identity-path",
  });
}
