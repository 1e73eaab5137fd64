/**
 * Finds and reads the `ssh_config` files of a user, with the files they include.
 */
import { dirname, isAbsolute, join } from "node:path";
import { AgentError } from "../../../errors.ts";
import { readSmallText, UnreadableFile } from "../../../system/small_file.ts";
import { systemReason } from "../../../system/system_reason.ts";
import { matchesGlob } from "../host_key/known_hosts.ts";
import type { SshEnv } from "../settings.ts";
import { expandPath } from "./tokens.ts";
import { type ConfigNode, parseConfig } from "./tree.ts";

/** As in OpenSSH. */
const MAX_INCLUDE_DEPTH = 16;
const MAX_INCLUDED_FILES = 256;
const MAX_FILE_BYTES = 1024 * 1024;

/**
 * The configuration of the user, then that of the system; or that of `file` alone; or none if
 * `file` is `"none"`. Throws `AgentError` of kind `config` if a named file is missing or any is
 * malformed.
 */
export async function loadSshConfig(
  file: string | undefined,
  env: SshEnv,
): Promise<ConfigNode[]> {
  if (file === "none") return [];
  const userDir = join(env.home, ".ssh");
  const reader = new Reader(env);
  if (file !== undefined) return await reader.read(expandPath(file, env), userDir, 0, true);
  const systemDir = env.platform === "windows"
    ? join(env.get("PROGRAMDATA") ?? "C:\\ProgramData", "ssh")
    : "/etc/ssh";
  return [
    ...await reader.read(join(userDir, "config"), userDir, 0, false),
    ...await reader.read(join(systemDir, "ssh_config"), systemDir, 0, false),
  ];
}

class Reader {
  readonly #env: SshEnv;
  #files = 0;

  constructor(env: SshEnv) {
    this.#env = env;
  }

  /** `baseDir` is what relative includes are relative to. */
  async read(
    file: string,
    baseDir: string,
    depth: number,
    required: boolean,
  ): Promise<ConfigNode[]> {
    if (depth > MAX_INCLUDE_DEPTH || ++this.#files > MAX_INCLUDED_FILES) {
      throw failure(file, "too many nested Include lines");
    }
    const text = await readConfig(file, required);
    return text === undefined ? [] : await this.#include(parseConfig(text, file), baseDir, depth);
  }

  async #include(
    nodes: readonly ConfigNode[],
    baseDir: string,
    depth: number,
  ): Promise<ConfigNode[]> {
    const filled: ConfigNode[] = [];
    for (const node of nodes) {
      if (node.kind === "directive") filled.push(node);
      else if (node.kind !== "include") {
        filled.push({ ...node, nodes: await this.#include(node.nodes, baseDir, depth) });
      } else {
        filled.push({ ...node, nodes: await this.#included(node.patterns, baseDir, depth) });
      }
    }
    return filled;
  }

  async #included(
    patterns: readonly string[],
    baseDir: string,
    depth: number,
  ): Promise<ConfigNode[]> {
    const nodes: ConfigNode[] = [];
    for (const pattern of patterns) {
      const path = expandPath(pattern, this.#env);
      for (const file of await glob(isAbsolute(path) ? path : join(baseDir, path))) {
        nodes.push(...await this.read(file, baseDir, depth + 1, false));
      }
    }
    return nodes;
  }
}

async function readConfig(file: string, required: boolean): Promise<string | undefined> {
  try {
    // What an Include names may be anything; only files are meant.
    if (!required && !(await Deno.stat(file)).isFile) return undefined;
    return await readSmallText(file, MAX_FILE_BYTES);
  } catch (cause) {
    const isMissing = cause instanceof Deno.errors.NotFound ||
      cause instanceof UnreadableFile && cause.isMissing;
    if (isMissing && !required) return undefined;
    throw failure(file, systemReason(cause), cause);
  }
}

function failure(file: string, why: string, cause?: unknown): AgentError {
  return new AgentError("config", `Cannot read SSH configuration "${file}": ${why}`, {
    cause,
    hint: "check the path; --ssh-config none reads no configuration",
  });
}

/** The files that match a path with `*` and `?`, sorted. Hidden files need a dot in the pattern. */
async function glob(path: string): Promise<string[]> {
  if (!/[*?]/.test(path)) return [path];
  const parent = dirname(path);
  const pattern = path.slice(parent.length).replace(/^[\\/]/, "");
  const found: string[] = [];
  for (const dir of await glob(parent)) {
    try {
      for await (const { name } of Deno.readDir(dir)) {
        if (name.startsWith(".") && !pattern.startsWith(".")) continue;
        if (matchesGlob(pattern, name)) found.push(join(dir, name));
      }
    } catch {
      // A directory that is not there, or not ours to read, matches nothing, as in glob(3).
    }
  }
  return found.sort();
}
