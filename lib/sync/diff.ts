/**
 * From what the two sides hold to the list of paths that need a decision. Pure. A path whose stamp is
 * the one recorded at the last agreement has the content of that agreement, without being read.
 */
import { type Agreed, type Entry, parentsOf, type Seen } from "./entry.ts";
import type { Change } from "./reconcile.ts";

/** What a scan found on one side. */
export interface SideView {
  readonly seen: ReadonlyMap<string, Seen>;
  /** Paths that must be left alone, with everything below: ignored, unreadable, not syncable. */
  readonly opaque: ReadonlySet<string>;
}

/** A change together with the stamps it was seen with, for checks right before it is carried out. */
export interface StampedChange extends Change {
  readonly localStamp: string;
  readonly remoteStamp: string;
}

/** What {@link diff} works on. */
export interface DiffInput {
  readonly agreed: ReadonlyMap<string, Agreed>;
  /** Absent: this side is taken to be as agreed. */
  readonly local?: SideView;
  readonly remote?: SideView;
  /** Only these paths and what is below them; absent: everything. */
  readonly scope?: readonly string[];
}

/** See the file comment. Closed in the sense of `reconcile`. */
export function diff(input: DiffInput): StampedChange[] {
  const { agreed, local, remote } = input;
  const hidden = hider(local, remote);
  const changes: StampedChange[] = [];
  const consider = (path: string, known: Agreed | undefined) => {
    if (hidden(path)) return;
    const l = sideOf(local, path, known, known?.localStamp);
    const r = sideOf(remote, path, known, known?.remoteStamp);
    const asAgreed = l.entry === known?.entry && r.entry === known?.entry;
    if (asAgreed && (known === undefined || l.stamp !== "" && r.stamp !== "")) return;
    changes.push({
      path,
      ancestor: known?.entry,
      local: l.entry,
      remote: r.entry,
      localStamp: l.stamp,
      remoteStamp: r.stamp,
    });
  };
  const within = scopeTest(input.scope);
  for (const [path, known] of agreed) if (within(path)) consider(path, known);
  for (const path of local?.seen.keys() ?? []) {
    if (!agreed.has(path) && within(path)) consider(path, undefined);
  }
  for (const path of remote?.seen.keys() ?? []) {
    const isNew = !agreed.has(path) && !local?.seen.has(path);
    if (isNew && within(path)) consider(path, undefined);
  }
  return changes;
}

function sideOf(
  view: SideView | undefined,
  path: string,
  known: Agreed | undefined,
  stamp = "",
): { entry: Entry | undefined; stamp: string } {
  if (view === undefined) return { entry: known?.entry, stamp: stamp === "" ? "assumed" : stamp };
  const seen = view.seen.get(path);
  if (seen === undefined) return { entry: undefined, stamp: "" };
  const unchanged = known !== undefined && stamp !== "" && seen.stamp === stamp;
  return { entry: unchanged ? known.entry : seen.entry, stamp: seen.stamp };
}

function hider(...views: (SideView | undefined)[]): (path: string) => boolean {
  const sets = views.flatMap((view) => view === undefined || view.opaque.size === 0 ? [] : [view]);
  if (sets.length === 0) return () => false;
  const has = (path: string) => sets.some(({ opaque }) => opaque.has(path));
  return (path) => {
    if (has(path)) return true;
    for (const parent of parentsOf(path)) if (has(parent)) return true;
    return false;
  };
}

function scopeTest(scope: readonly string[] | undefined): (path: string) => boolean {
  if (scope === undefined) return () => true;
  const roots = new Set(scope);
  return (path) => {
    if (roots.has(path)) return true;
    for (const parent of parentsOf(path)) if (roots.has(parent)) return true;
    return false;
  };
}
