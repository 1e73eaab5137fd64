/**
 * Who may use the server: whoever proves to hold a key of `authorized_keys`. No passwords, no
 * certificates, and the user name does not matter, because everything happens as one user. The file
 * is read anew for each attempt, so that an edit takes effect at once, as with sshd.
 */
import { Buffer } from "node:buffer";
import { dirname } from "node:path";
// @ts-types="@types/ssh2"
import type { PublicKeyAuthContext } from "ssh2";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { readSmallText } from "../system/small_file.ts";
import { utils } from "../transport/ssh/ssh2.ts";
import {
  type AuthorizedKey,
  MAX_AUTHORIZED_KEYS_BYTES,
  parseAuthorizedKeys,
} from "./authorized_keys.ts";
import { isFrom } from "./from_pattern.ts";

/** Where keys come from. */
export interface KeySource {
  /** An `authorized_keys` file; it need not be there. */
  readonly file: string | undefined;
  /** Lines in the form of that file. */
  readonly lines: readonly string[];
}

/** What a client proposes, apart from ssh2's context, for the sake of its tests. */
export interface Proposal {
  readonly blob: Uint8Array;
  /** The client's IP address. */
  readonly address: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The keys of `source` as they are now. What cannot be used is logged and left out. */
export async function readAuthorizedKeys(
  source: KeySource,
  log: Logger,
): Promise<readonly AuthorizedKey[]> {
  const inline = parseAuthorizedKeys(source.lines.join("\n"));
  for (const { why } of inline.refused) log.warn(`A key given as an option is refused: ${why}`);
  if (source.file === undefined) return inline.keys;
  const text = await readSafely(source.file, log);
  const { keys, refused } = parseAuthorizedKeys(text);
  for (const { line, why } of refused) {
    log.warn("A line of authorized_keys is refused", { file: source.file, line, why });
  }
  return [...inline.keys, ...keys];
}

/** The line that lets a key in, if there is one. Pure. */
export function findKey(
  keys: readonly AuthorizedKey[],
  { blob, address, now }: Proposal,
): AuthorizedKey | undefined {
  return keys.find((key) =>
    Buffer.from(key.blob).equals(blob) &&
    (key.from === undefined || isFrom(key.from, address)) &&
    (key.expires === undefined || now < key.expires)
  );
}

/** Whether the client holds the private half; a mere question, without a signature, does not. */
export function provesKey(context: PublicKeyAuthContext, key: AuthorizedKey): boolean {
  if (context.signature === undefined || context.blob === undefined) return false;
  const parsed = utils.parseKey(`${key.type} ${Buffer.from(key.blob).toString("base64")}`);
  if (parsed instanceof Error) return false;
  return parsed.verify(context.blob, context.signature, context.hashAlgo) === true;
}

/** sshd's `StrictModes`: nobody else may be able to put a key there. */
async function readSafely(path: string, log: Logger): Promise<string> {
  try {
    for (const each of [path, dirname(path)]) await refuseIfOthersWrite(each);
    return await readSmallText(path, MAX_AUTHORIZED_KEYS_BYTES);
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    const fields = { file: path, error: messageOf(error) };
    if (missing) log.debug("There is no authorized_keys file", fields);
    else log.warn("Cannot use authorized_keys", fields);
    return "";
  }
}

async function refuseIfOthersWrite(path: string): Promise<void> {
  const { mode, uid } = await Deno.stat(path);
  if (mode === null || Deno.build.os === "windows") return;
  if ((mode & 0o022) !== 0) throw new Error(`others may write to "${path}"`);
  if (uid !== 0 && uid !== Deno.uid()) throw new Error(`"${path}" belongs to somebody else`);
}
