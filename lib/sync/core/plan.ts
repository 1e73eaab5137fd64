/**
 * From decisions to the order in which they are carried out. Pure. Deletions come first, children
 * before their directories; then what is created or replaced, parents first, in batches that bound
 * what is lost when the link is cut.
 */
import { type Entry, parentOf } from "./entry.ts";
import type { Action } from "./reconcile.ts";
import { foldCase, type Platform, refusedName } from "./path_map.ts";
import { nameOf } from "./entry.ts";
import type { Problem } from "../types.ts";

/** Entries carried over in one go. */
const BATCH_ENTRIES = 20_000;
const BATCH_BYTES = 128 * 1024 * 1024;

/** One thing to create or replace. */
export interface Put {
  readonly path: string;
  readonly entry: Entry;
}

/** What one side has to do, in this order. */
export interface SidePlan {
  /** Files and links. */
  readonly remove: readonly string[];
  /** Directories, deepest first. */
  readonly removeDirs: readonly string[];
  readonly batches: readonly (readonly Put[])[];
}

/** Everything a list of actions comes to. */
export interface Plan {
  /** Remote files and links whose content has to be kept aside before anything else. */
  readonly keep: readonly string[];
  readonly local: SidePlan;
  readonly remote: SidePlan;
  /** Paths both sides agree on already. */
  readonly agreed: readonly { path: string; entry: Entry | undefined }[];
}

/** What is in a path now, on the side that is to change. */
export type Present = (side: "local" | "remote", path: string) => Entry | undefined;

/** See the file comment; `actions` come parents first, as `reconcile` returns them. */
export function makePlan(actions: readonly Action[], present: Present): Plan {
  return {
    keep: actions.filter(({ keep }) => keep).map(({ path }) => path),
    local: sidePlan("local", actions, present),
    remote: sidePlan("remote", actions, present),
    agreed: actions.filter(({ side }) => side === "both"),
  };
}

function sidePlan(
  side: "local" | "remote",
  actions: readonly Action[],
  present: Present,
): SidePlan {
  const remove: string[] = [];
  const removeDirs: string[] = [];
  const puts: Put[] = [];
  for (const { path, entry, side: where } of actions) {
    if (where !== side) continue;
    const old = present(side, path);
    const inTheWay = old !== undefined && (entry === undefined || !replaces(entry, old));
    if (inTheWay) (old.kind === "dir" ? removeDirs : remove).push(path);
    if (entry !== undefined) puts.push({ path, entry });
  }
  return { remove, removeDirs: removeDirs.reverse(), batches: batchesOf(puts) };
}

/** A rename replaces one file or link by another; a directory has to go or come by itself. */
function replaces(entry: Entry, old: Entry): boolean {
  return (entry.kind === "dir") === (old.kind === "dir");
}

function batchesOf(puts: readonly Put[]): Put[][] {
  const batches: Put[][] = [];
  let batch: Put[] = [];
  let bytes = 0;
  for (const put of puts) {
    const full = batch.length >= BATCH_ENTRIES || bytes + put.entry.size > BATCH_BYTES;
    if (full && batch.length > 0) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(put);
    bytes += put.entry.size;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

/**
 * The puts of a batch that have to be moved into place one by one; the others arrive with a
 * directory above them, which is new itself.
 */
export function moveUnits(
  batch: readonly Put[],
  isNew: (path: string) => boolean,
): Map<string, Put[]> {
  const created = new Set(
    batch.filter(({ path, entry }) => entry.kind === "dir" && isNew(path)).map(({ path }) => path),
  );
  const units = new Map<string, Put[]>();
  for (const put of batch) {
    const parent = parentOf(put.path);
    if (created.has(parent)) continue;
    if (put.entry.kind === "dir" && !created.has(put.path)) continue;
    const group = units.get(parent);
    if (group === undefined) units.set(parent, [put]);
    else group.push(put);
  }
  return units;
}

/** What limits the names a side can have. */
export interface NameLimits {
  readonly platform: Platform;
  readonly ignoresCase: boolean;
}

/**
 * Paths that the local file system cannot hold beside what it has, with the reason: names it refuses,
 * and names that differ from another only in case. `existing` are the paths already there.
 */
export function refusedPaths(
  wanted: readonly string[],
  existing: Iterable<string>,
  limits: NameLimits,
): Problem[] {
  const problems: Problem[] = [];
  const byFold = new Map<string, string>();
  if (limits.ignoresCase) { for (const path of existing) byFold.set(foldCase(path), path); }
  for (const path of wanted) {
    const refused = refusedName(nameOf(path), limits.platform);
    const other = limits.ignoresCase ? byFold.get(foldCase(path)) : undefined;
    if (refused !== undefined) problems.push({ path, reason: refused });
    else if (other !== undefined && other !== path) {
      problems.push({ path, reason: `differs from "${other}" only in case` });
    } else if (limits.ignoresCase) byFold.set(foldCase(path), path);
  }
  return problems;
}
