/**
 * Reads known_hosts files and appends new keys to the user's one. It never rewrites a line: a key
 * is added with one append, so that it is safe beside ssh(1) and other agents.
 */
import { dirname } from "node:path";
import { AgentError, messageOf } from "../../../errors.ts";
import { readSmallText, UnreadableFile } from "../../../system/small_file.ts";
import { type KnownHostLine, parseKnownHosts } from "./known_hosts.ts";

/** Far above any real file; a larger one is a mistake such as `/dev/zero`. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 10;

/** The lines of all `files` that exist, in order. Throws `AgentError` of kind `config`. */
export async function readKnownHosts(files: readonly string[]): Promise<KnownHostLine[]> {
  const lines: KnownHostLine[] = [];
  for (const file of files) lines.push(...parseKnownHosts(await readIfThere(file), file));
  return lines;
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readSmallText(file, MAX_FILE_BYTES);
  } catch (cause) {
    if (cause instanceof UnreadableFile && cause.isMissing) return "";
    throw new AgentError("config", `Cannot read known hosts file "${file}": ${messageOf(cause)}`, {
      cause,
      hint: "make it a readable file, or name another with --ssh-known-hosts",
    });
  }
}

/**
 * Appends `line` in one write, creating the file (0600) and its directory (0700) if need be.
 * Rejects with the error of the file system.
 */
export async function appendKnownHost(file: string, line: string): Promise<void> {
  await Deno.mkdir(dirname(file), { recursive: true, mode: 0o700 });
  using handle = await Deno.open(file, { read: true, append: true, create: true, mode: 0o600 });
  const separator = await endsMidLine(handle) ? "\n" : "";
  const bytes = new TextEncoder().encode(`${separator}${line}\n`);
  for (let at = 0; at < bytes.length;) at += await handle.write(bytes.subarray(at));
}

async function endsMidLine(handle: Deno.FsFile): Promise<boolean> {
  const { size, isFile } = await handle.stat();
  if (!isFile || size === 0) return false;
  const last = new Uint8Array(1);
  await handle.seek(-1, Deno.SeekMode.End);
  return await handle.read(last) === 1 && last[0] !== NEWLINE;
}
