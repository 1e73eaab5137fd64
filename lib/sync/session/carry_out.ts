/**
 * Carries out a plan: first the remote versions that would be lost are kept, then each side removes and
 * receives, batch by batch. What is done is recorded at once and saved after every batch.
 */
import type { StampedChange } from "../core/diff.ts";
import { type Agreed, type Entry, lastingStamp } from "../core/entry.ts";
import { CarryHere, type Ledger } from "./carry_here.ts";
import { localPath } from "../core/path_map.ts";
import { type Plan, type Put, type SidePlan } from "../core/plan.ts";
import { onceText } from "./pull.ts";
import type { RoundParts } from "./round_parts.ts";
import type { Problem } from "../types.ts";
import { download } from "../transfer/download.ts";
import { LargeHashes } from "../transfer/large_hashes.ts";
import { uploadAfter } from "../transfer/upload.ts";
import type { Upload, Uploaded } from "../transfer/upload_work.ts";
import { markWriting } from "../volume/torn_files.ts";

/** What was done. */
export interface CarriedOut {
  readonly unsettled: string[];
  readonly complaints: string[];
  /** What cannot be here at all, and is left alone. */
  readonly refused: readonly Problem[];
  readonly carried: number;
}

/** See the file comment. `changes` has what was seen of every path in the plan. */
export async function carryOut(
  parts: RoundParts,
  plan: Plan,
  changes: ReadonlyMap<string, StampedChange>,
): Promise<CarriedOut> {
  using hashes = new LargeHashes(parts.tree, plan.remote.batches);
  const run = new Run({ ...parts, hashes }, plan, changes);
  for (const { path, entry } of plan.agreed) run.agree(path, entry);
  parts.index.save();
  await run.keep(plan.keep);
  await run.remote(plan.remote);
  const here = new CarryHere(run.parts, changes, run);
  await here.carry(plan.local);
  parts.index.save();
  const { unsettled, complaints, carried } = run;
  return { unsettled, complaints, refused: here.refused, carried };
}

type Parts = RoundParts & { readonly hashes: LargeHashes };
/** What is done to the remote side in one go. */
type Batch = Pick<Upload, "remove" | "removeDirs" | "puts">;

function putsOnly(puts: readonly Put[]): Batch {
  return { remove: [], removeDirs: [], puts };
}

class Run implements Ledger {
  readonly unsettled: string[] = [];
  readonly complaints: string[] = [];
  carried = 0;
  readonly parts: Parts;
  readonly #changes: ReadonlyMap<string, StampedChange>;
  /** Nothing of these may be replaced before it is in the other set. */
  readonly #toKeep: ReadonlySet<string>;
  readonly #kept = new Set<string>();
  readonly #progress = { files: 0, totalFiles: 0, bytes: 0, totalBytes: 0 };

  constructor(parts: Parts, plan: Plan, changes: ReadonlyMap<string, StampedChange>) {
    this.parts = parts;
    this.#changes = changes;
    this.#toKeep = new Set(plan.keep);
    for (const put of [...plan.local.batches, ...plan.remote.batches].flat()) {
      this.#progress.totalFiles += 1;
      this.#progress.totalBytes += put.entry.size;
    }
  }

  agree(path: string, entry: Entry | undefined): void {
    const seen = this.#changes.get(path);
    this.record(path, entry, lastingStamp(seen?.localSeen), lastingStamp(seen?.remoteSeen));
  }

  /** What cannot be kept is not replaced either: without it the plan does not go on. */
  async keep(paths: readonly string[]): Promise<void> {
    const { shell, root, conflicts, tree, signal, log } = this.parts;
    const files: string[] = [];
    for (const path of paths) {
      const remote = this.#changes.get(path)?.remote;
      const local = localPath(tree.root, path, tree.platform);
      if (remote?.kind === "file") files.push(path);
      else if (remote?.kind === "link") {
        await conflicts.keep(local, remote.size, onceText(remote.content ?? ""));
        this.#kept.add(path);
      }
    }
    if (files.length === 0) return;
    await download(shell, root, files, async (path, entry, data) => {
      const local = localPath(tree.root, path, tree.platform);
      await conflicts.keep(local, entry.size, data);
      this.#kept.add(path);
      log.warn("Both sides changed a file: the remote version was kept", { file: local });
    }, signal);
  }

  async remote(plan: SidePlan): Promise<void> {
    const { removeDirs, batches } = plan;
    const { link } = this.parts.root;
    const safe = (path: string) => !this.#toKeep.has(path) || this.#kept.has(path);
    const remove = plan.remove.filter(safe);
    this.unsettled.push(...plan.remove.filter((path) => !safe(path)));
    if (remove.length + removeDirs.length > 0 && batches.length === 0) {
      await this.#upload({ remove, removeDirs, puts: [] });
    }
    // While one batch is moved into place, the next is already on its way.
    let last = Promise.resolve(true);
    try {
      for (const [i, batch] of batches.entries()) {
        const before = last;
        const puts = batch.filter(({ path }) => safe(path));
        this.unsettled.push(...batch.map(({ path }) => path).filter((path) => !safe(path)));
        const work = i === 0 ? { remove, removeDirs, puts } : putsOnly(puts);
        last = this.#upload(work, before);
        last.catch(() => {}); // awaited below
        // Whether to compress has to be known before much is sent.
        await Promise.race([last, link.known]);
        if (!await before) break;
      }
    } finally {
      await Promise.allSettled([last]);
    }
    if (!await last) this.unsettled.push(...batches.flat().map(({ path }) => path));
  }

  /** Returns whether to go on: not if the remote side is other than it was seen. */
  async #upload(batch: Batch, before = Promise.resolve(true)): Promise<boolean> {
    const { remove, removeDirs, puts } = batch;
    const { shell, root, tree, index } = this.parts;
    if (root.volume !== undefined) markWriting(index, puts);
    const done = await uploadAfter(before, shell, root, tree, this.#workOf(batch));
    if (done.stale) {
      this.unsettled.push(...remove, ...removeDirs);
      return false;
    }
    this.#noteRemovals(batch, new Set(done.removed));
    const sent = puts.slice(0, puts.length - done.left.length);
    this.#notePuts(sent, done.put);
    if (this.unsettled.length > 0) this.complaints.push(...done.complaints);
    this.advance(sent.length, 0);
    index.save();
    return done.left.length === 0 || await this.#upload(putsOnly(done.left));
  }

  #workOf(batch: Batch): Upload {
    const { only, signal, hashes } = this.parts;
    return {
      ...batch,
      remoteSeen: (path) => this.#changes.get(path)?.remoteSeen,
      localSeen: (path) => this.#changes.get(path)?.localSeen,
      inPlace: only !== undefined,
      onBytes: (count) => this.advance(0, count),
      hashes,
      signal,
    };
  }

  /** What was removed to be replaced is neither gone nor left. */
  #noteRemovals({ remove, removeDirs, puts }: Batch, removed: ReadonlySet<string>): void {
    const replaced = new Set(puts.map(({ path }) => path));
    for (const path of removed) if (!replaced.has(path)) this.gone(path);
    const left = [...remove, ...removeDirs].filter((path) => !removed.has(path));
    this.notRemoved(left.filter((path) => !replaced.has(path)));
  }

  #notePuts(sent: readonly Put[], done: Uploaded["put"]): void {
    for (const { path, entry } of sent) {
      const result = done.get(path);
      if (result === undefined) this.unsettled.push(path);
      else {
        const { content, localStamp, remoteStamp } = result;
        this.record(path, { ...entry, content }, localStamp, remoteStamp);
        if (result.again) this.unsettled.push(path);
      }
    }
  }

  notRemoved(paths: readonly string[]): void {
    for (const path of paths) {
      const { local, remote } = this.#changes.get(path) ?? {};
      const isDir = (local ?? remote)?.kind === "dir";
      const holds = this.unsettled.some((other) => other.startsWith(`${path}/`));
      if (!isDir || holds) this.unsettled.push(path);
      else {
        // It holds what takes no part in the sync: it stays, and nobody makes it again elsewhere.
        this.parts.held.add(path);
        this.parts.index.set(path, undefined);
      }
    }
  }

  gone(path: string): void {
    this.parts.index.set(path, undefined);
    this.carried += 1;
  }

  record(path: string, entry: Entry | undefined, localStamp: string, remoteStamp: string): void {
    const agreed: Agreed | undefined = entry && {
      entry: entry.content === undefined ? { ...entry, content: "" } : entry,
      localStamp: entry.content === undefined ? "" : localStamp,
      remoteStamp: entry.content === undefined ? "" : remoteStamp,
    };
    this.parts.index.set(path, agreed);
    this.carried += 1;
  }

  advance(files: number, bytes: number): void {
    this.#progress.files += files;
    this.#progress.bytes += bytes;
    this.parts.onProgress({ ...this.#progress });
  }
}
