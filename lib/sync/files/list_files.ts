/**
 * The whole remote tree over SFTP, directory by directory, several at a time. A file that was changed in
 * this second may change again and look the same: it is looked at once more when the second is over.
 */
import { isMissing, RemoteFileError, type RemoteInfo } from "../../transport/remote_files.ts";
import type { IgnoreRules } from "../core/ignore.ts";
import type { FilesRoot } from "./files_root.ts";
import { type FileState, remoteClock, stateAt, stateOf } from "./file_stamp.ts";
import { nextSecond } from "./next_second.ts";
import { together } from "./together.ts";

/** One path of the tree; parents come before what is in them. */
export interface Listed extends FileState {
  readonly path: string;
  readonly isUnreadable: boolean;
}

/** What there is. */
export interface Listing<T = Listed> {
  /** The clock of the other side; `Infinity` where no stamp depends on it. */
  readonly began: number;
  readonly entries: readonly T[];
}

/** Options of {@link listFiles}. */
export interface ListOptions {
  readonly ignored: IgnoreRules;
  readonly only?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Nothing if the root is not there. Throws `AgentError`: the listing is whole, or it is none. */
export async function listFiles(
  root: FilesRoot,
  options: ListOptions,
): Promise<Listing | undefined> {
  const { files, path, staging } = root;
  if ((await stateAt(files, path))?.info.kind !== "dir") return undefined;
  let began = await remoteClock(files, staging);
  let entries = options.only === undefined
    ? await walk(root, options)
    : await single(root, options.only);
  if (entries.some((entry) => isFresh(entry, began))) {
    const later = await nextSecond(root, began, options.signal);
    entries = await again(root, entries, began);
    began = later;
  }
  return { began, entries };
}

function isFresh({ info: { kind, mtime } }: Listed, now: number): boolean {
  // A time that lies ahead stays doubtful; waiting a moment does not help.
  return kind === "file" && mtime >= now && mtime <= now + 1;
}

async function single(root: FilesRoot, name: string): Promise<Listed[]> {
  const state = await stateAt(root.files, `${root.path}/${name}`);
  if (state === undefined) return [];
  return [{ ...state, path: name, isUnreadable: isUnreadable(root, state.info) }];
}

async function walk(root: FilesRoot, { ignored, signal }: ListOptions): Promise<Listed[]> {
  const { files } = root;
  const found: Listed[] = [];
  let level = [""];
  while (level.length > 0) {
    const next: string[] = [];
    await together(level, async (directory) => {
      signal?.throwIfAborted();
      const inside = await list(root, directory);
      if (inside === undefined) {
        const at = found.findIndex(({ path }) => path === directory);
        const old = found[at];
        if (old !== undefined) found[at] = { ...old, isUnreadable: true };
        return;
      }
      for (const { name, info } of inside) {
        const path = directory === "" ? name : `${directory}/${name}`;
        if (`${root.path}/${path}` === root.staging) continue;
        const target = info.kind === "link" ? await linkTarget(root, path) : "";
        if (target === undefined) continue;
        found.push({ ...stateOf(info, target), path, isUnreadable: isUnreadable(root, info) });
        const isDir = info.kind === "dir" && !path.includes("\uFFFD");
        if (isDir && !isUnreadable(root, info) && !ignored(path, true)) next.push(path);
      }
    });
    level = next;
  }
  return found;

  async function linkTarget({ path: top }: FilesRoot, path: string): Promise<string | undefined> {
    try {
      return await files.readlink(`${top}/${path}`);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}

/** Nothing if it may not be listed; no names if it has gone meanwhile. */
async function list({ files, path }: FilesRoot, directory: string) {
  try {
    return await files.list(directory === "" ? path : `${path}/${directory}`);
  } catch (error) {
    if (directory !== "" && isMissing(error)) return [];
    const isDenied = error instanceof RemoteFileError && error.fault === "denied";
    if (isDenied && directory !== "") return undefined;
    throw error;
  }
}

/** The entries, with those that were fresh as they are now. */
async function again(root: FilesRoot, entries: readonly Listed[], began: number) {
  const now: (Listed | undefined)[] = [...entries];
  await together([...entries.keys()], async (at) => {
    const entry = entries[at];
    if (entry === undefined || !isFresh(entry, began)) return;
    const state = await stateAt(root.files, `${root.path}/${entry.path}`);
    now[at] = state && { ...entry, ...state };
  });
  return now.filter((entry) => entry !== undefined);
}

/** By owner, group and mode: supplementary groups are not known, so what may be is left alone. */
function isUnreadable({ me, isRoot }: FilesRoot, { kind, mode, uid, gid }: RemoteInfo): boolean {
  if (isRoot || (kind !== "file" && kind !== "dir")) return false;
  const shift = uid === me.uid ? 6 : gid === me.gid ? 3 : 0;
  const needed = kind === "dir" ? 0o5 : 0o4;
  return (mode >> shift & needed) !== needed;
}
