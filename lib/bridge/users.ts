/**
 * Who may use the bridge: `USER:PASSWORD` lines of a file that only its owner may read, as ssh wants
 * it for private keys. Passwords are kept as digests and compared in constant time.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { AgentError, messageOf } from "../errors.ts";
import { readSmallText } from "../system/small_file.ts";
import { systemReason } from "../system/system_reason.ts";

/** Says whether a user and a password are among those that may. */
export type CheckUser = (user: string, password: string) => boolean;

const MAX_FILE_BYTES = 64 * 1024;
/** RFC 1929 has no room for more. */
const MAX_LENGTH = 255;
/** Permission bits of others than the owner. */
const OTHERS = 0o077;
const HINT = "write one USER:PASSWORD a line";

/** Reads the file. Throws `AgentError` of kind `config`, which never repeats what is in it. */
export async function readUsers(path: string): Promise<CheckUser> {
  const { mode } = await look(path);
  if (Deno.build.os !== "windows" && mode !== null && (mode & OTHERS) !== 0) {
    throw fault(path, "others may read it", `chmod 600 ${path}`);
  }
  return parseUsers(await read(path), path);
}

/** The same for the text of a file; `path` is for messages. Empty lines and `#` lines are skipped. */
export function parseUsers(text: string, path: string): CheckUser {
  const users = new Map<string, Uint8Array>();
  // Editors on Windows mark a file as UTF-8 with its first character.
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const at = line.indexOf(":");
    const [user, password] = [line.slice(0, Math.max(0, at)), line.slice(at + 1)];
    const where = `line ${index + 1}`;
    if (user === "" || password === "") throw fault(path, `${where} is not USER:PASSWORD`, HINT);
    const bytes = new TextEncoder();
    if ([user, password].some((each) => bytes.encode(each).length > MAX_LENGTH)) {
      throw fault(path, `${where} has more than ${MAX_LENGTH} bytes`, HINT);
    }
    if (users.has(user)) throw fault(path, `${where} names a user for the second time`, HINT);
    users.set(user, digest(password));
  }
  if (users.size === 0) throw fault(path, "it names no user", HINT);
  const nobody = digest("");
  return (user, password) => {
    const known = users.get(user);
    // The same work for a name that is not known.
    const same = timingSafeEqual(known ?? nobody, digest(password));
    return known !== undefined && same;
  };
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

async function look(path: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (cause) {
    const isMissing = cause instanceof Deno.errors.NotFound;
    throw fault(path, isMissing ? "there is no such file" : systemReason(cause), HINT, cause);
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readSmallText(path, MAX_FILE_BYTES);
  } catch (cause) {
    throw fault(path, messageOf(cause), HINT, cause);
  }
}

function fault(path: string, why: string, hint: string, cause?: unknown): AgentError {
  return new AgentError("config", `Cannot use the users file "${path}": ${why}`, { hint, cause });
}
