/**
 * What may be synced: looks at the source of a bind mount before anything is made for it. Refuses what
 * nobody can mean, and what is larger than the limit.
 */
import { basename, dirname, parse } from "node:path";
import { AgentError } from "../errors.ts";
import { systemReason } from "../system/system_reason.ts";
import type { IgnoreRules } from "./core/ignore.ts";
import { type LocalTree, statOrNothing } from "./local/tree.ts";
import { scanLocal } from "./local/scan.ts";

/** The session a source belongs to, were it to have its own. */
export interface Source {
  /** Absolute, without symlinks. */
  readonly root: string;
  /** The name of a single file. */
  readonly only?: string;
}

/** Why a source is refused; `bytes` is its size where that is the reason. */
class SyncRefused extends AgentError {
  readonly bytes: number | undefined;

  constructor(message: string, hint: string, bytes?: number) {
    super("config", message, { hint });
    this.bytes = bytes;
  }
}

/** Resolves a local path. Throws `AgentError` if it is not there, {@link SyncRefused} if refused. */
export function resolveSource(local: string, home: string | undefined): Source {
  let real: string;
  try {
    real = Deno.realPathSync(local);
  } catch (cause) {
    throw new AgentError("config", `Cannot sync "${local}": ${systemReason(cause)}`, {
      cause,
      hint: "name a folder of this machine that is there",
    });
  }
  if (parse(real).root === real) {
    throw new SyncRefused(
      `Cannot sync "${local}": it is the whole file system`,
      "bind a smaller folder",
    );
  }
  if (home !== undefined && real === realOr(home)) {
    throw new SyncRefused(
      `Cannot sync "${local}": it is the home directory`,
      "bind a folder in it",
    );
  }
  const info = statOrNothing(real);
  if (info?.isDirectory === true) return { root: real };
  if (info?.isFile === true) return { root: dirname(real), only: basename(real) };
  throw new SyncRefused(
    `Cannot sync "${local}": it is neither a file nor a folder`,
    "leave it to the remote host with a path rule",
  );
}

function realOr(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path; // a home directory that is not there
  }
}

/** Throws {@link SyncRefused} if a tree, without what is ignored, is larger than `maxBytes`. */
export async function checkSize(
  tree: LocalTree,
  source: Source,
  ignored: IgnoreRules,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<void> {
  const options = { ignored, agreed: new Map(), only: source.only, signal };
  const { seen } = await scanLocal(tree, options);
  let bytes = 0;
  for (const { entry } of seen.values()) bytes += entry.size;
  if (bytes <= maxBytes) return;
  throw new SyncRefused(
    `Cannot sync "${tree.root}": it holds ${formatBytes(bytes)}, the limit is ${
      formatBytes(maxBytes)
    }`,
    "ignore what containers do not need in .remote-docker-agent-ignore, or raise --sync-max-size",
    bytes,
  );
}

/** Bytes for people: `1.5 GB`, in powers of 1000 as `docker` shows sizes. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
