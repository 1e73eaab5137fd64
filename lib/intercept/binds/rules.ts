/**
 * Where the source of a bind mount lives, as ordered data: the first rule that matches decides, and
 * the user's rules come before ours. Pure: the platform and the home directory are handed in.
 */
import { posix } from "node:path";
import { AgentError } from "../../errors.ts";
import { localSource, type Platform } from "../../sync/core/path_map.ts";
import type { SyncMode } from "../../sync/types.ts";

/**
 * `local`: a folder or file of this machine, kept in sync; `remote`: the path of that name on the
 * remote host; `socket`: the socket of the remote engine.
 */
export type BindPlace = "local" | "remote" | "socket";

/** One rule. */
export interface BindRule {
  /** A path, which stands for itself and all below it; `*` is anything within a name. */
  readonly pattern: string;
  readonly place: BindPlace;
  /** How it is kept in sync; the general mode unless given. */
  readonly mode?: Exclude<SyncMode, "off">;
}

const rule = (place: BindPlace) => (pattern: string): BindRule => ({ pattern, place });

/**
 * What every Linux host has of its own, and nobody means the developer's. The sockets come first:
 * they lie below `/run`.
 */
export const DEFAULT_BIND_RULES: readonly BindRule[] = [
  ...["/var/run/docker.sock", "/run/docker.sock"].map(rule("socket")),
  ...["/proc", "/sys", "/dev", "/run", "/var/run", "/boot"].map(rule("remote")),
  ...["/lib/modules", "/usr/lib/modules", "/usr/src", "/var/lib/docker"].map(rule("remote")),
  ...["/etc/localtime", "/etc/timezone", "/etc/machine-id"].map(rule("remote")),
];

const MEANINGS: Readonly<Record<string, Omit<BindRule, "pattern">>> = {
  local: { place: "local" },
  remote: { place: "remote" },
  off: { place: "remote" },
  socket: { place: "socket" },
  "two-way-safe": { place: "local", mode: "two-way-safe" },
  "one-way-safe": { place: "local", mode: "one-way-safe" },
  "one-way-replica": { place: "local", mode: "one-way-replica" },
};

/** Reads `PATTERN=MEANING`; throws `AgentError` of kind `config`. */
export function parseBindRule(text: string, home: string | undefined): BindRule {
  const at = text.lastIndexOf("=");
  const [pattern, word] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)];
  const meaning = MEANINGS[word];
  const fail = (why: string) =>
    new AgentError("config", `Cannot read the rule ${JSON.stringify(text)} of --binds: ${why}`, {
      hint: `write PATH=MEANING, with one of ${Object.keys(MEANINGS).join(", ")}`,
    });
  if (at <= 0 || meaning === undefined) throw fail(`"${word}" has no meaning`);
  const full = pattern.replace(/^~(?=[\\/]|$)/, () => home ?? "~");
  if (!/^([\\/]|[A-Za-z]:[\\/])/.test(full)) throw fail("the path is not absolute");
  return { pattern: full, ...meaning };
}

/** The rule for a source; nothing when none matches. */
export function ruleFor(
  source: string,
  rules: readonly BindRule[],
  platform: Platform,
): BindRule | undefined {
  const names = namesOf(source, platform);
  return rules.find(({ pattern }) => covers(namesOf(pattern, platform), names));
}

function covers(pattern: readonly string[], names: readonly string[]): boolean {
  return pattern.length <= names.length &&
    pattern.every((part, index) => matches(part, names[index] ?? ""));
}

function matches(part: string, name: string): boolean {
  if (!part.includes("*")) return part === name;
  const literal = part.split("*").map((text) => text.replaceAll(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${literal.join("[^]*")}$`).test(name);
}

/** The names in a path. Windows does not tell upper from lower case, nor `/c/x` from `C:\x`. */
function namesOf(path: string, platform: Platform): string[] {
  if (platform !== "windows") return split(posix.normalize(path));
  return split(localSource(path, platform).replaceAll("\\", "/").toLowerCase());
}

function split(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}

/** A drive of Windows, or a folder that another machine or WSL shares: `\\wsl.localhost\Debian\srv`. */
const ON_WINDOWS = /^(?:[A-Za-z]:[\\/]|\\\\[^\\/?.][^\\/]*\\[^\\/])/;

/** Whether a path can be one of this machine: Windows has no `/data`, and nothing else has `C:\data`. */
export function canBeLocal(source: string, platform: Platform): boolean {
  if (platform !== "windows") return source.startsWith("/");
  // In the shells of Unix on Windows, `//data` is how `/data` gets through to docker.
  return !(/^\/\/[^/]{2}/.test(source)) && ON_WINDOWS.test(localSource(source, platform));
}
