/**
 * One round of a session: look at both sides, decide, carry out, record. A round may end at any
 * moment; what it has recorded is true, and the next one finds out the rest.
 */
import { diff, type StampedChange } from "../core/diff.ts";
import { nameOf, parentsOf } from "../core/entry.ts";
import { checkEmptied } from "./guards.ts";
import { IGNORE_FILE } from "../core/ignore.ts";
import { isAbandoned } from "../leftovers.ts";
import { type LocalTree, readContent } from "../local/tree.ts";
import { refusedTarget } from "../local/link.ts";
import { localPath, type Platform } from "../core/path_map.ts";
import { carryOut } from "./carry_out.ts";
import { makePlan, refusedPaths } from "../core/plan.ts";
import { type Action, reconcile, unknownContent } from "../core/reconcile.ts";
import { look } from "./look.ts";
import type { LocalView } from "../local/scan.ts";
import type { RemoteView } from "../remote/scan.ts";
import { remoteContents } from "../transfer/download.ts";
import type { RoundParts, RoundScope } from "./round_parts.ts";
import type { Problem } from "../types.ts";
import { isBeginning, settleMarks } from "../volume/torn_files.ts";

/** With these change which paths take part, on both sides. */
const IGNORE_FILES = new Set([IGNORE_FILE, ".gitignore"]);

/** What a round came to. */
export interface RoundResult {
  /** Paths that changed under it, or could not be written: another round is needed. */
  readonly unsettled: readonly string[];
  /** What the remote host complained about, if anything failed. */
  readonly complaints: readonly string[];
  readonly problems: readonly Problem[];
  readonly carried: number;
}

/** See the file comment. Throws `AgentError`; `Halt` when a guard stops the session. */
export async function runRound(parts: RoundParts, scope: RoundScope): Promise<RoundResult> {
  const { tree, index, lastLook } = parts;
  const paths = typeof scope.local === "string" ? undefined : scope.local;
  parts.guard.checkLocal();
  const looked = await look(parts, scope);
  const { local, remote } = looked;
  parts.guard.checkLocal();
  if (remote !== undefined) parts.guard.checkRemote(remote);
  if (parts.root.volume !== undefined && remote !== undefined) settleMarks(index, remote);
  if (looked.nothing) return nothingToDo(lastLook.problems);
  if (scope.local === "all" && local) tidy(parts, [local, remote], local.leftovers);
  const changes = diff({
    agreed: index.entries,
    ...(local && { local }),
    ...(remote && { remote }),
    ...(local?.scope && { scope: local.scope }),
  });
  if (remote === undefined && mayHaveChangedThere(changes)) {
    lastLook.forget();
    return await runRound(parts, { ...scope, scanRemote: true });
  }
  // The beginning of a calamity looks like a few deletions.
  const loses = changes.some((change) => change.ancestor !== undefined && !change.local);
  if (loses && paths !== undefined && isEmpty(tree)) {
    return await runRound(parts, { local: "all", scanRemote: true });
  }
  checkEmptied(parts.guard, index.entries, changes);
  const result = await settle(parts, changes, looked.problems);
  const isDone = result.unsettled.length === 0 && result.problems.length === looked.problems.length;
  if (!isDone) lastLook.forget();
  else if (scope.local === "all" && parts.only === undefined) {
    lastLook.settled(parts, local, remote);
  }
  return result;
}

/** Guesses about a side that was not looked at are no good for these. */
function mayHaveChangedThere(changes: readonly StampedChange[]): boolean {
  return changes.some(({ remoteSeen, path }) =>
    remoteSeen?.racy === true || IGNORE_FILES.has(nameOf(path))
  );
}

function nothingToDo(problems: readonly Problem[]): RoundResult {
  return { unsettled: [], complaints: [], problems, carried: 0 };
}

function isEmpty({ root }: LocalTree): boolean {
  return Deno.readDirSync(root)[Symbol.iterator]().next().done === true;
}

async function settle(
  parts: RoundParts,
  changes: StampedChange[],
  problems: readonly Problem[],
): Promise<RoundResult> {
  const known = await knowContents(
    parts,
    changes.filter((change) => !isHeld(change, changes, parts)),
  );
  const byPath = new Map(known.changes.map((change) => [change.path, change]));
  const decided = await withoutTorn(parts, reconcile(known.changes, parts.mode), byPath);
  const { actions, refused } = possible(parts, decided);
  const plan = makePlan(actions, (side, path) => byPath.get(path)?.[side]);
  const result = await carryOut(parts, plan, byPath);
  return {
    unsettled: [...known.unsettled, ...result.unsettled],
    complaints: result.complaints,
    problems: [...problems, ...refused, ...result.refused],
    carried: result.carried,
  };
}

/**
 * What is ignored or unreadable now is no longer agreed on: its absence must never count. And what a
 * killed agent was writing is removed.
 */
function tidy(
  { index, tree }: RoundParts,
  views: readonly (LocalView | RemoteView | undefined)[],
  leftovers: readonly string[],
): void {
  const opaque = new Set(views.flatMap((view) => [...view?.opaque ?? []]));
  const isHidden = (path: string) =>
    opaque.has(path) || [...parentsOf(path)].some((parent) => opaque.has(parent));
  if (opaque.size > 0) {
    for (const path of [...index.entries.keys()]) if (isHidden(path)) index.set(path, undefined);
  }
  for (const path of leftovers) {
    const target = localPath(tree.root, path, tree.platform);
    if (isAbandoned(target)) Deno.removeSync(target);
  }
}

function isHeld(
  { path, ancestor, local, remote }: StampedChange,
  changes: readonly StampedChange[],
  { held }: RoundParts,
): boolean {
  if (!held.has(path)) return false;
  const alone = (local === undefined && remote?.kind === "dir") ||
    (remote === undefined && local?.kind === "dir");
  if (
    alone && ancestor === undefined && !changes.some((other) => other.path.startsWith(`${path}/`))
  ) return true;
  held.delete(path);
  return false;
}

/** Reads what has to be read to tell a change from a touch. */
async function knowContents(
  { tree, shell, root, signal }: RoundParts,
  changes: readonly StampedChange[],
): Promise<{ changes: StampedChange[]; unsettled: string[] }> {
  const wanted = changes.map((change) => ({ change, ...unknownContent(change) }));
  const remote = await remoteContents(
    shell,
    root,
    wanted.filter((one) => one.remote).map(({ change }) => change.path),
    signal,
  );
  const known: StampedChange[] = [];
  const unsettled: string[] = [];
  for (const { change, local: needsLocal, remote: needsRemote } of wanted) {
    const { path, localSeen } = change;
    signal.throwIfAborted();
    const mine = needsLocal ? await readContent(tree, path, localSeen?.stamp ?? "") : undefined;
    const theirs = needsRemote ? remote.get(path) : undefined;
    if ((needsLocal && mine === undefined) || (needsRemote && theirs === undefined)) {
      unsettled.push(path);
      continue;
    }
    known.push({
      ...change,
      ...(mine !== undefined && change.local && { local: { ...change.local, content: mine } }),
      ...(theirs !== undefined && change.remote &&
        { remote: { ...change.remote, content: theirs } }),
    });
  }
  return { changes: known, unsettled };
}

/** What a cut has left of a file that is whole here is not kept. */
async function withoutTorn(
  { tree, root }: RoundParts,
  actions: readonly Action[],
  changes: ReadonlyMap<string, StampedChange>,
): Promise<readonly Action[]> {
  if (root.volume === undefined) return actions;
  const isTorn = async ({ path, keep, entry }: Action) => {
    const remote = changes.get(path)?.remote;
    return keep && entry?.kind === "file" && remote !== undefined &&
      await isBeginning(tree, path, remote);
  };
  const kept: Action[] = [];
  for (const action of actions) {
    kept.push(await isTorn(action) ? { ...action, keep: false } : action);
  }
  return kept;
}

function refusedLinks(actions: readonly Action[], platform: Platform): Problem[] {
  return actions.flatMap(({ side, path, entry }) => {
    if (side !== "local" || entry?.kind !== "link") return [];
    const reason = refusedTarget(entry.content ?? "", platform);
    return reason === undefined ? [] : [{ path, reason }];
  });
}

/** Leaves out what the local file system cannot hold. */
function possible({ index, limits }: RoundParts, actions: readonly Action[]) {
  const created = actions.filter(({ side, entry, path }) =>
    side === "local" && entry !== undefined && !index.entries.has(path)
  );
  // What goes in this round is in nobody's way: it is removed first.
  const going = new Set(
    actions.filter(({ side, entry }) => side === "local" && entry === undefined)
      .map(({ path }) => path),
  );
  const staying = index.entries.keys().filter((path) => !going.has(path));
  const refused = [
    ...refusedPaths(created.map(({ path }) => path), staying, limits),
    ...refusedLinks(actions, limits.platform),
  ];
  const out = new Set(refused.map(({ path }) => path));
  const isOut = (path: string) => out.has(path) || [...parentsOf(path)].some((one) => out.has(one));
  return { refused, actions: actions.filter(({ path, side }) => side !== "local" || !isOut(path)) };
}
