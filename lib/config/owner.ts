/**
 * Who "we" are on a remote host that several people share: a random id, made once and kept in the
 * state directory. It says nothing about the user, and is no secret.
 */
import { dirname, join } from "node:path";
import { logger } from "../log.ts";
import { replaceFileSync } from "../system/replace_file.ts";
import { systemReason } from "../system/system_reason.ts";

const FILE = "owner";
const ID = /^[0-9a-f]{32}$/;

/**
 * The id kept in `folder`, made if need be. Where it cannot be kept, one for this run alone: then
 * the next run takes the containers of this one for somebody else's, and the log says so.
 */
export async function ownerId(folder: string | undefined): Promise<string> {
  const fresh = crypto.randomUUID().replaceAll("-", "");
  if (folder === undefined) return fresh;
  const path = join(folder, FILE);
  try {
    return await readId(path) ?? await keepId(path, fresh);
  } catch (error) {
    logger("state").warn(
      `Cannot keep state in "${folder}": ${systemReason(error)}; ` +
        "published ports will not be known again after a restart",
    );
    return fresh;
  }
}

/** The same for all that ask, whether or not it can be kept, and told of once. */
export function sharedOwnerId(folder: string | undefined): () => Promise<string> {
  let id: Promise<string> | undefined;
  return () => id ??= ownerId(folder);
}

async function readId(path: string): Promise<string | undefined> {
  try {
    const text = (await Deno.readTextFile(path)).trim();
    return ID.test(text) ? text : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Atomic, and the first of two agents that start at once wins. */
async function keepId(path: string, id: string): Promise<string> {
  await Deno.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}`;
  try {
    await writeDurably(temporary, `${id}\n`);
    await Deno.link(temporary, path);
    return id;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    const theirs = await readId(path);
    if (theirs !== undefined) return theirs;
    // What is there is no id, such as what a full disk leaves behind.
    replaceFileSync(temporary, path);
    return id;
  } finally {
    await Deno.remove(temporary).catch(() => {}); // already renamed
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  await file.write(new TextEncoder().encode(text));
  await file.sync();
}
