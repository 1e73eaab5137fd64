/**
 * The three-way decision: what to do about every path on which local, remote and their last common
 * state (the ancestor) are not all the same. Pure, and the only place where such decisions are made.
 *
 * Invariants, proven by the scenario table and the model test:
 * - a change on one side wins over no change on the other;
 * - an edit wins over a deletion, and keeps alive the directories above it;
 * - if both sides changed, the local one wins, and the remote content is marked to be kept aside;
 * - something is deleted only if the ancestor knew it and the side has not changed it since
 *   (one-way-replica, which makes the remote side equal by definition, excepted).
 *
 * The list of changes must be closed: where a directory has vanished or turned into something else on
 * one side, the paths below it are in the list too, because they are absent there.
 */
import type { SyncMode } from "../types.ts";
import { type Entry, parentsOf, sameContent, sameEntry } from "./entry.ts";

/** One path on which not all three are the same. */
export interface Change {
  readonly path: string;
  readonly ancestor?: Entry | undefined;
  readonly local?: Entry | undefined;
  readonly remote?: Entry | undefined;
}

/** Make `entry` so on `side`; nothing means delete. `both`: they agree, only the ancestor changes. */
export interface Action {
  readonly path: string;
  readonly side: "local" | "remote" | "both";
  readonly entry: Entry | undefined;
  /** The remote content is lost by this and has to be kept aside first. */
  readonly keep: boolean;
}

/** Which contents must be known before {@link reconcile} can tell a change from a touch. */
export function unknownContent(change: Change): { local: boolean; remote: boolean } {
  const { ancestor, local, remote } = change;
  const comparable = (a: Entry | undefined, b: Entry | undefined) =>
    a?.kind === "file" && b?.kind === "file" && a.size === b.size;
  const unknown = (entry: Entry | undefined) =>
    entry?.kind === "file" && entry.content === undefined;
  const each = comparable(local, remote);
  return {
    local: unknown(local) && (each || comparable(local, ancestor)),
    remote: unknown(remote) && (each || comparable(remote, ancestor)),
  };
}

/** See the file comment. The actions come parents first. */
export function reconcile(changes: readonly Change[], mode: SyncMode): Action[] {
  if (mode === "off") return [];
  const ordered = [...changes].sort((a, b) => a.path < b.path ? -1 : 1);
  const context: Context = {
    mode,
    localEdits: editedBelow(ordered, "local"),
    remoteEdits: editedBelow(ordered, "remote"),
    blocked: new Set(),
  };
  return ordered.map((change) => decide(change, context)).filter((action) => action !== undefined);
}

interface Context {
  readonly mode: SyncMode;
  /** Directories below which a side has something new or changed. */
  readonly localEdits: ReadonlySet<string>;
  readonly remoteEdits: ReadonlySet<string>;
  /** Paths that end up as no directory: nothing can be below them. */
  readonly blocked: Set<string>;
}

function editedBelow(changes: readonly Change[], side: "local" | "remote"): Set<string> {
  const found = new Set<string>();
  for (const change of changes) {
    const entry = change[side];
    if (entry === undefined || sameEntry(entry, change.ancestor)) continue;
    for (const parent of parentsOf(change.path)) {
      if (found.has(parent)) break;
      found.add(parent);
    }
  }
  return found;
}

function decide(change: Change, context: Context): Action | undefined {
  const { path, ancestor, local, remote } = change;
  if (sameEntry(local, remote)) return { path, side: "both", entry: local, keep: false };
  if (context.mode === "one-way-replica") return toRemote(change, context, false);
  for (const parent of parentsOf(path)) {
    if (context.blocked.has(parent)) return clear(change);
  }
  if (sameEntry(remote, ancestor)) return localChanged(change, context);
  if (context.mode === "one-way-safe") return remoteChangedOneWay(change, context);
  if (sameEntry(local, ancestor)) return remoteChanged(change, context);
  if (local === undefined) return toLocal(change, context);
  return toRemote(change, context, losesContent(change));
}

/** Below a path that is no directory any more. What lost and was edited is kept aside. */
function clear({ path, ancestor, local, remote }: Change): Action {
  if (remote === undefined) return { path, side: "local", entry: undefined, keep: false };
  const edited = remote.kind !== "dir" && !sameContent(remote, ancestor);
  return { path, side: "remote", entry: undefined, keep: edited && !sameContent(remote, local) };
}

function localChanged(change: Change, context: Context): Action | undefined {
  const { path, local, remote } = change;
  if (local === undefined && remote?.kind === "dir" && context.remoteEdits.has(path)) {
    return context.mode === "two-way-safe" ? toLocal(change, context) : undefined;
  }
  return toRemote(change, context, false);
}

function remoteChanged(change: Change, context: Context): Action {
  const { path, local, remote } = change;
  const localLives = local?.kind === "dir" && remote?.kind !== "dir" &&
    context.localEdits.has(path);
  return localLives ? toRemote(change, context, remote !== undefined) : toLocal(change, context);
}

/** Local to remote only: what changed there stays, unless the local side changed as well. */
function remoteChangedOneWay(change: Change, context: Context): Action | undefined {
  const { local, remote, ancestor } = change;
  if (local === undefined) return undefined;
  const inTheWay = local.kind === "dir" && remote?.kind !== "dir";
  const untouched = sameEntry(local, ancestor) && remote !== undefined && !inTheWay;
  return untouched ? undefined : toRemote(change, context, losesContent(change));
}

/** A directory has no content of its own; what the other side or the ancestor holds is not lost. */
function losesContent({ ancestor, local, remote }: Change): boolean {
  if (remote === undefined || remote.kind === "dir") return false;
  return !sameContent(local, remote) && !sameContent(ancestor, remote);
}

function toRemote(change: Change, context: Context, keep: boolean): Action {
  const { path, local, remote } = change;
  if (local !== undefined && local.kind !== "dir" && remote?.kind === "dir") {
    context.blocked.add(path);
  }
  return { path, side: "remote", entry: local, keep };
}

function toLocal(change: Change, context: Context): Action {
  const { path, local, remote } = change;
  if (remote !== undefined && remote.kind !== "dir" && local?.kind === "dir") {
    context.blocked.add(path);
  }
  return { path, side: "local", entry: remote, keep: false };
}
