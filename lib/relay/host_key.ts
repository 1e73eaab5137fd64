/**
 * The key by which clients know the server: read from a file that is its owner's alone, or made on
 * the first start.
 */
import { AgentError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { readSmallText } from "../system/small_file.ts";
import { systemReason } from "../system/system_reason.ts";
import { utils } from "../transport/ssh/ssh2.ts";
import { generateHostKey } from "./key_pair.ts";

const MAX_KEY_BYTES = 128 * 1024;

/** The private key in `path`. Throws `AgentError` of kind `config`. */
export async function loadHostKey(path: string, log: Logger): Promise<string> {
  const text = await read(path) ?? await generate(path, log);
  const key = utils.parseKey(text);
  if (key instanceof Error || !key.isPrivateKey()) {
    const encrypted = key instanceof Error && /encrypted/i.test(key.message);
    const why = encrypted ? "it has a passphrase" : "it is not a private key";
    throw refuse(path, why, "name another file with --identity-path; one that is missing is made");
  }
  return text;
}

async function generate(path: string, log: Logger): Promise<string> {
  const text = await generateHostKey(path);
  log.info("Made a host key", { path });
  return text;
}

async function read(path: string): Promise<string | undefined> {
  try {
    const { mode, uid } = await Deno.stat(path);
    const open = mode !== null && uid === Deno.uid() && (mode & 0o077) !== 0;
    if (open && Deno.build.os !== "windows") {
      throw refuse(path, "others may read it", `make it yours alone: chmod 600 "${path}"`);
    }
    return await readSmallText(path, MAX_KEY_BYTES);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof AgentError) throw error;
    throw refuse(path, systemReason(error), "name another file with --identity-path");
  }
}

function refuse(path: string, why: string, hint: string): AgentError {
  return new AgentError("config", `Cannot use host key "${path}": ${why}`, { hint });
}
