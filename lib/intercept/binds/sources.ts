/**
 * Decides what the source of a bind mount is: rules first, then what is there. A path of this machine
 * is synced; one that only the remote host has is meant there; one that nobody has is made here, as
 * Docker does, or refused in Docker's words. What it asks of file systems is handed in.
 */
import { ReplyError } from "../../docker/error_reply.ts";
import { messageOf } from "../../errors.ts";
import { localSource, type Platform } from "../../sync/core/path_map.ts";
import type { SyncMode } from "../../sync/types.ts";
import { type BindRule, canBeLocal, ruleFor } from "./rules.ts";
import type { AskedBind } from "./rewrite.ts";

/** What a path of this machine is; `other` is what cannot be synced, such as a socket. */
export type LocalKind = "file" | "directory" | "other" | "missing";

/** The two file systems. */
export interface BindFiles {
  /** Follows symlinks. Throws what the platform throws, but for a missing path. */
  kindOf(path: string): Promise<LocalKind>;
  /** Makes a directory and those above it. */
  makeDirectory(path: string): Promise<void>;
  /** Whether the remote host has this path, as far as its user can see. */
  existsRemotely(path: string, signal: AbortSignal): Promise<boolean>;
}

/** What is to be mounted. */
export type BindSource =
  | { readonly kind: "remote" }
  | { readonly kind: "socket" }
  | { readonly kind: "sync"; readonly local: string; readonly mode?: SyncMode };

/** What {@link resolveSource} decides by. */
export interface SourcePolicy {
  /** The user's before ours. */
  readonly rules: readonly BindRule[];
  readonly platform: Platform;
  readonly files: BindFiles;
}

/** Throws {@link ReplyError} with the engine's status and words where it has some. */
export async function resolveSource(
  asked: AskedBind,
  policy: SourcePolicy,
  signal: AbortSignal,
): Promise<BindSource> {
  const { rules, platform, files } = policy;
  const rule = ruleFor(asked.source, rules, platform);
  if (rule !== undefined && rule.place !== "local") return { kind: rule.place };
  if (!canBeLocal(asked.source, platform)) return { kind: "remote" };
  const local = withoutTail(localSource(asked.source, platform));
  const sync = { kind: "sync", local, ...(rule?.mode && { mode: rule.mode }) } as const;
  const kind = await look(local, files);
  if (kind === "file" || kind === "directory") return sync;
  const elsewhere = rule === undefined && asked.source.startsWith("/");
  if (elsewhere && await files.existsRemotely(asked.source, signal)) return { kind: "remote" };
  if (kind === "other") {
    throw new ReplyError(
      400,
      `invalid mount config for type "bind": ${asked.source} is neither a file nor a directory, ` +
        `and cannot be synced; --binds ${asked.source}=remote means the remote host's`,
    );
  }
  if (!asked.create) {
    const text = `bind source path does not exist: ${asked.source}`;
    throw new ReplyError(400, `invalid mount config for type "bind": ${text}`);
  }
  await make(local, asked.source, files);
  return sync;
}

async function look(local: string, files: BindFiles): Promise<LocalKind> {
  try {
    return await files.kindOf(local);
  } catch (cause) {
    throw new ReplyError(
      400,
      `invalid mount config for type "bind": stat ${local}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

async function make(local: string, source: string, files: BindFiles): Promise<void> {
  try {
    await files.makeDirectory(local);
  } catch (cause) {
    const text = `error while creating mount source path '${source}': ${messageOf(cause)}`;
    throw new ReplyError(500, text, { cause });
  }
}

/** A slash at the end says no more than that a directory is meant. */
function withoutTail(path: string): string {
  return /^(\/|[A-Za-z]:\\)$/.test(path) ? path : path.replace(/[\\/]+$/, "");
}
