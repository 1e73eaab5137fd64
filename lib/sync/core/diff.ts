/**
 * From what the two sides hold to the list of paths that need a decision. Pure. A path whose stamp is
 * the one recorded at the last agreement has the content of that agreement, without being read: the scan
 * only says so, which costs nothing for each of the many that are as they were.
 */
import { type Agreed, parentsOf, type Seen } from "./entry.ts";
import type { Change } from "./reconcile.ts";

/** What a scan found on one side. A path that is in neither of the first two is not there. */
export interface SideView {
  /** What has the stamp of the last agreement, by that agreement. */
  readonly same: ReadonlySet<Agreed>;
  /** Everything else that is there. */
  readonly seen: ReadonlyMap<string, Seen>;
  /** Paths that must be left alone, with everything below: ignored, unreadable, not syncable. */
  readonly opaque: ReadonlySet<string>;
}

/** A change together with what was seen, for checks right before it is carried out. */
export interface StampedChange extends Change {
  readonly localSeen: Seen | undefined;
  readonly remoteSeen: Seen | undefined;
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
    if (known !== undefined && isSame(local, known) && isSame(remote, known)) return;
    if (hidden(path)) return;
    const localSeen = seenAs(local, path, known, known?.localStamp);
    const remoteSeen = seenAs(remote, path, known, known?.remoteStamp);
    const isAgreed = (seen: Seen | undefined) => seen?.entry === known?.entry;
    if (isAgreed(localSeen) && isAgreed(remoteSeen)) return;
    changes.push({
      path,
      ancestor: known?.entry,
      local: localSeen?.entry,
      remote: remoteSeen?.entry,
      localSeen,
      remoteSeen,
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

function isSame(view: SideView | undefined, known: Agreed): boolean {
  return view === undefined || view.same.has(known);
}

function seenAs(
  view: SideView | undefined,
  path: string,
  known: Agreed | undefined,
  stamp = "",
): Seen | undefined {
  if (known !== undefined && isSame(view, known)) {
    return { entry: known.entry, stamp, racy: stamp === "" };
  }
  return view?.seen.get(path);
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
