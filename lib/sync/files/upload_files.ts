/**
 * From here to the remote host over SFTP: everything is written beside the tree, where nobody looks.
 * When it is whole, and nothing it replaces has changed since, it is moved into place path by path; each
 * is looked at once more right before.
 */
import { RemoteFileError, type RemoteWriter } from "../../transport/remote_files.ts";
import { AgentError, isLostError } from "../../errors.ts";
import { nameOf, parentsOf } from "../core/entry.ts";
import { type LocalTree, readContent } from "../local/tree.ts";
import type { Put } from "../core/plan.ts";
import { NameRefused } from "../remote/refused.ts";
import type { RemoteRoot } from "../remote/root.ts";
import { scriptError } from "../remote/shell.ts";
import { openMode } from "../remote/stamp.ts";
import { LARGE_FILE_BYTES } from "../transfer/large_keep.ts";
import {
  nothingDone,
  outcome,
  remoteWork,
  type Upload,
  type Uploaded,
} from "../transfer/upload_work.ts";
import { type FilesRoot, filesRoot } from "./files_root.ts";
import { remoteClock } from "./file_stamp.ts";
import { dropParts, openPart } from "./large_parts.ts";
import { removeTree } from "./open_files.ts";
import { MoveIn } from "./move_in.ts";
import { nextSecond } from "./next_second.ts";
import { together } from "./together.ts";

/** Files that are written at a time. */
const AT_ONCE = 12;
/** With less room than this, a refusal that says nothing is taken for a full disk. */
const LEAST_ROOM = 1024 * 1024;

/** See the file comment. Throws `AgentError`; the remote tree is then as before, or partly as wanted. */
export async function uploadFiles(
  root: RemoteRoot,
  tree: LocalTree,
  work: Upload,
): Promise<Uploaded> {
  const over = filesRoot(root);
  if (over === undefined) throw new Error("There is no SFTP");
  const staged = `${over.staging}/up.${crypto.randomUUID()}`;
  try {
    await over.files.mkdir(staged, 0o700);
    return await new FilesUpload(over, root, tree, work, staged).run();
  } catch (error) {
    const told = await explained(over, error);
    // Parts of large files may be why.
    if (told !== error) {
      await cleared(over, () => dropParts(over.files, over.staging, Infinity));
    }
    throw told;
  } finally {
    await cleared(over, () => removeTree(over.files, staged));
  }
}

/** What cannot be removed now is removed when the directories are opened the next time. */
async function cleared({ files }: FilesRoot, remove: () => Promise<void>): Promise<void> {
  try {
    if (files.isOpen) await remove();
  } catch (error) {
    if (!(error instanceof RemoteFileError) && !isLostError(error)) throw error;
  }
}

/** SFTP has no word for a full disk. */
async function explained({ files, staging }: FilesRoot, error: unknown): Promise<unknown> {
  if (!(error instanceof RemoteFileError) || error.fault !== "failed" || !files.isOpen) {
    return error;
  }
  const free = await files.freeBytes(staging);
  if (free === undefined || free > LEAST_ROOM) return error;
  return scriptError("copy to", { code: 1, stderr: ["No space left on device"] });
}

class FilesUpload {
  readonly #over: FilesRoot;
  readonly #root: RemoteRoot;
  readonly #tree: LocalTree;
  readonly #work: Upload;
  readonly #staged: string;
  readonly #contents = new Map<string, string>();

  constructor(
    over: FilesRoot,
    root: RemoteRoot,
    tree: LocalTree,
    work: Upload,
    staged: string,
  ) {
    this.#over = over;
    this.#root = root;
    this.#tree = tree;
    this.#work = work;
    this.#staged = staged;
  }

  async run(): Promise<Uploaded> {
    const { puts, signal } = this.#work;
    await this.#makeDirs();
    await together(puts, async (put) => {
      signal?.throwIfAborted();
      const content = await this.#stage(put);
      if (content !== undefined) this.#contents.set(put.path, content);
    }, AT_ONCE);
    const ready = puts.filter(({ path }) => this.#contents.has(path));
    await this.#setDirModes(ready);
    await this.#work.before?.();
    signal?.throwIfAborted();
    const todo = remoteWork(this.#work, ready, [], this.#root);
    const move = new MoveIn(this.#over, todo, this.#staged);
    // A file of this very second may have changed since it was seen, and look the same.
    const fresh = todo.expected.some(({ path }) => this.#work.remoteSeen(path)?.racy === true);
    if (fresh) await nextSecond(this.#over, await this.#now(), signal);
    if (fresh || !await move.isAsExpected()) {
      return nothingDone([]);
    }
    const now = await this.#now();
    const report = { now, ...await move.run() };
    return outcome(this.#work, this.#contents, report, move.complaints);
  }

  #now(): Promise<number> {
    return remoteClock(this.#over.files, this.#over.staging);
  }

  #at(path: string): string {
    return `${this.#staged}/${path}`;
  }

  /** The directories that the staged paths need, open to us alone while they are filled. */
  async #makeDirs(): Promise<void> {
    const wanted = new Set<string>();
    for (const { path, entry } of this.#work.puts) {
      if (entry.kind === "dir") wanted.add(path);
      for (const parent of parentsOf(path)) wanted.add(parent);
    }
    const levels = Map.groupBy(wanted, (path) => path.split("/").length);
    for (const [, level] of [...levels].sort(([a], [b]) => a - b)) {
      await together(level, (path) => {
        return this.#named(path, () => this.#over.files.mkdir(this.#at(path), 0o700));
      });
    }
  }

  async #setDirModes(ready: readonly Put[]): Promise<void> {
    const dirs = ready.filter(({ entry }) => entry.kind === "dir");
    // Children first: a mode may keep us out of what is inside.
    const levels = Map.groupBy(dirs, ({ path }) => path.split("/").length);
    for (const [, level] of [...levels].sort(([a], [b]) => b - a)) {
      await together(level, ({ path, entry }) => {
        return this.#over.files.setMode(this.#at(path), this.#mode(entry));
      });
    }
  }

  #mode({ mode, kind }: Put["entry"]): number {
    return this.#root.isOpen ? openMode(mode, kind) : mode;
  }

  /** Returns the content as it is recorded, or nothing if the file has changed since it was seen. */
  async #stage({ path, entry }: Put): Promise<string | undefined> {
    if (entry.kind === "dir") return "";
    const seen = this.#work.localSeen(path);
    if (seen === undefined) return undefined;
    const { files } = this.#over;
    if (entry.kind === "link") {
      const target = entry.content ?? "";
      await this.#named(path, () => files.symlink(target, this.#at(path)));
      return target;
    }
    if (entry.size >= LARGE_FILE_BYTES) return await this.#stageLarge({ path, entry }, seen.stamp);
    const writer = await this.#named(path, () => files.create(this.#at(path)));
    return await this.#write(writer, { path, entry }, seen.stamp);
  }

  /** What a cut leaves of it is gone on with. */
  async #stageLarge({ path, entry }: Put, stamp: string): Promise<string | undefined> {
    const { files, staging } = this.#over;
    const part = await openPart(files, staging, { path, stamp, size: entry.size });
    const content = await this.#write(part.writer, { path, entry }, stamp, part.from);
    if (content === undefined) await files.unlink(part.at);
    else await this.#named(path, () => files.rename(part.at, this.#at(path)));
    return content;
  }

  /** Writes a file from byte `from` on; closes `writer`. Returns as {@link #stage}. */
  async #write(
    writer: RemoteWriter,
    { path, entry }: Put,
    stamp: string,
    from = 0,
  ): Promise<string | undefined> {
    let known = from;
    try {
      const take = async (bytes: Uint8Array) => {
        this.#work.signal?.throwIfAborted();
        const skipped = Math.min(known, bytes.length);
        known -= skipped;
        if (skipped < bytes.length) await writer.write(bytes.subarray(skipped));
        this.#work.onBytes?.(bytes.length);
      };
      const content = await readContent(this.#tree, path, stamp, { take });
      if (content === undefined) return undefined;
      const mtime = Number(stamp.split(" ")[2]) / 1000;
      await writer.finish({ mode: this.#mode(entry), mtime });
      return content;
    } finally {
      await writer.close();
    }
  }

  async #named<T>(path: string, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      const isName = error instanceof RemoteFileError && error.fault === "refused-name";
      if (!isName || nameOf(path) === "") throw error;
      throw new NameRefused(path, error satisfies AgentError);
    }
  }
}
