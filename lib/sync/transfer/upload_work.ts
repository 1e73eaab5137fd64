/** What an upload consists of, and what came of it, however it travels. Pure. */
import { lastingStamp, type Seen } from "../core/entry.ts";
import { moveUnits, type Put } from "../core/plan.ts";
import type { RemoteRoot } from "../remote/root.ts";
import { dirStamp, isRacy, openMode, stampParts } from "../remote/stamp.ts";
import type { LargeHashes } from "./large_hashes.ts";
import type { Sent } from "./large_files.ts";
import { LARGE } from "./large_keep.ts";
import type { RemoteReport, RemoteWork } from "./remote_script.ts";

/** One batch of changes to the remote tree. */
export interface Upload {
  readonly remove: readonly string[];
  readonly removeDirs: readonly string[];
  readonly puts: readonly Put[];
  /** What was seen there; paths without an entry must not exist. */
  readonly remoteSeen: (path: string) => Seen | undefined;
  readonly localSeen: (path: string) => Seen | undefined;
  /** Write into the existing file instead of replacing it. */
  readonly inPlace: boolean;
  readonly onBytes?: (count: number) => void;
  /** Hashes what is better not hashed while it is sent. */
  readonly hashes?: LargeHashes;
  /** Awaited when everything has been sent, before anything is moved; a rejection gives it up. */
  readonly before?: () => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/** What a path has become. */
export interface PutState {
  readonly content: string;
  readonly localStamp: string;
  readonly remoteStamp: string;
  /** It has changed here meanwhile: it has to travel again. */
  readonly again?: true;
}

/** What is now as it should be. */
export interface Uploaded {
  /** By path: what is in both places now. */
  readonly put: ReadonlyMap<string, PutState>;
  readonly removed: readonly string[];
  /** What was not sent, because the rest of the batch is better sent compressed. */
  readonly left: readonly Put[];
  /** The remote side has changed: nothing was done, it has to be listed again. */
  readonly stale: boolean;
  readonly complaints: readonly string[];
}

/** The outcome where the remote side is other than it was seen. */
export function nothingDone(complaints: readonly string[]): Uploaded {
  return { put: new Map(), removed: [], left: [], stale: true, complaints };
}

/** What has to be done there with what has been staged. Pure. */
export function remoteWork(
  work: Upload,
  ready: readonly Put[],
  large: readonly Sent[],
  root: RemoteRoot,
): RemoteWork {
  const kindThere = (path: string) => work.remoteSeen(path)?.entry.kind;
  const isNew = (path: string) => kindThere(path) !== "dir";
  const modeOf = ({ mode, kind }: Put["entry"]) => root.isOpen ? openMode(mode, kind) : mode;
  const overwritten = ready.filter((put) => isOverwritten(work, put));
  const overwrites = new Set(overwritten);
  const moves = new Map<string, string[]>();
  for (const [parent, puts] of moveUnits(ready.filter((put) => !overwrites.has(put)), isNew)) {
    moves.set(parent, puts.map(({ path }) => path));
  }
  const dirs = ready.filter(({ path, entry }) => entry.kind === "dir" && !isNew(path));
  const touched = new Set([...work.remove, ...ready.map(({ path }) => path)]);
  return {
    expected: [...touched].filter(isNew)
      .map((path) => ({ path, stamp: work.remoteSeen(path)?.stamp })),
    remove: work.remove,
    removeDirs: work.removeDirs,
    moves,
    chmod: [...dirs, ...overwritten]
      .map(({ path, entry }) => ({ path, mode: modeOf(entry) })),
    overwrite: overwritten.map(({ path }) => path),
    staged: ready.map(({ path }) => path),
    large: large.flatMap(({ path, key }) => {
      const entry = ready.find((put) => put.path === path)?.entry;
      const from = `${root.staging}/${LARGE}/${key}`;
      return entry === undefined ? [] : [{ path, from, mode: modeOf(entry) }];
    }),
  };
}

/** Whether a file keeps its inode. */
function isOverwritten(work: Upload, { path, entry }: Put): boolean {
  return work.inPlace && entry.kind === "file" && work.remoteSeen(path)?.entry.kind === "file";
}

/** What came of it, by the report of the remote side. Pure. */
export function outcome(
  work: Upload,
  contents: ReadonlyMap<string, string>,
  report: RemoteReport,
  complaints: readonly string[],
): Uploaded {
  const put = new Map<string, PutState>();
  for (const { path, entry } of work.puts) {
    const content = contents.get(path);
    const final = report.final.get(path);
    const staged = report.staged.get(path);
    if (content === undefined || final === undefined || staged === undefined) continue;
    const localStamp = lastingStamp(work.localSeen(path));
    if (entry.kind === "dir") {
      const remoteStamp = dirStamp(stampParts(final).mode);
      put.set(path, { content, localStamp, remoteStamp });
      continue;
    }
    const overwritten = isOverwritten(work, { path, entry });
    if (!overwritten && stampParts(final).identity !== stampParts(staged).identity) continue;
    // Bytes written into an existing file are not proven by its inode: they are read once more.
    const sure = !overwritten && !isRacy(final, report.now);
    put.set(path, { content, localStamp, remoteStamp: sure ? final : "" });
  }
  const removed = [...work.remove, ...work.removeDirs].filter((path) => !report.final.has(path));
  return { put, removed, left: [], stale: false, complaints };
}
