/**
 * Carries out the half of a plan that is about this machine. A path that cannot be changed is told, and
 * the others go on.
 */
import type { StampedChange } from "../core/diff.ts";
import { type Entry, lastingStamp, type Seen } from "../core/entry.ts";
import {
  type Applied,
  type IncomingFile,
  NotWritable,
  partialBeside,
  putLocalDir,
  putLocalFile,
  putLocalLink,
  removeLocal,
  removeLocalDir,
} from "../local/apply.ts";
import { fetchLarge } from "./fetch_large.ts";
import { linkObstacle, linkType } from "../local/link.ts";
import type { Put, SidePlan } from "../core/plan.ts";
import { counted } from "./pull.ts";
import { stampParts } from "../remote/stamp.ts";
import { withoutPaths } from "../local/system_words.ts";
import type { RoundParts } from "./round_parts.ts";
import { download } from "../transfer/download.ts";
import { LARGE_FILE_BYTES } from "../transfer/large_keep.ts";
import type { Problem } from "../types.ts";

/** Where it is written down what became of each path. */
export interface Ledger {
  readonly unsettled: string[];
  readonly complaints: string[];
  record(path: string, entry: Entry, localStamp: string, remoteStamp: string): void;
  gone(path: string): void;
  /** Directories that hold something, or files that are still there. */
  notRemoved(paths: readonly string[]): void;
  advance(files: number, bytes: number): void;
}

/** See the file comment. */
export class CarryHere {
  /** What cannot be here at all, and is left alone. */
  readonly refused: Problem[] = [];
  readonly #parts: RoundParts;
  readonly #changes: ReadonlyMap<string, StampedChange>;
  readonly #ledger: Ledger;

  constructor(
    parts: RoundParts,
    changes: ReadonlyMap<string, StampedChange>,
    ledger: Ledger,
  ) {
    this.#parts = parts;
    this.#changes = changes;
    this.#ledger = ledger;
  }

  async carry(plan: SidePlan): Promise<void> {
    const { tree, index } = this.#parts;
    for (const path of plan.remove) {
      const seen = this.#changes.get(path)?.localSeen;
      const gone = this.#attempt(path, () => removeLocal(tree, path, seen));
      if (gone === true) this.#ledger.gone(path);
      else this.#ledger.unsettled.push(path);
    }
    for (const path of plan.removeDirs) {
      if (removeLocalDir(tree, path)) this.#ledger.gone(path);
      else this.#ledger.notRemoved([path]);
    }
    for (const batch of plan.batches) {
      await this.#localBatch(batch);
      index.save();
    }
  }

  async #localBatch(batch: readonly Put[]): Promise<void> {
    const { tree, shell, root, signal } = this.#parts;
    const files = new Map<string, Put>();
    for (const put of batch) {
      const { path, entry } = put;
      const seen = this.#changes.get(path)?.localSeen;
      if (entry.kind === "file") files.set(path, put);
      else if (entry.kind === "dir") {
        this.#arrived(put, this.#attempt(path, () => putLocalDir(tree, path, entry)));
      } else {
        this.#putLink(put, seen?.entry.kind === "dir" ? undefined : seen);
      }
    }
    await this.#fetchLarge(files);
    if (files.size === 0) return;
    await download(shell, root, [...files.keys()], async (path, { size }, data) => {
      const put = files.get(path);
      if (put === undefined) return;
      files.delete(path);
      const { remoteSeen, localSeen } = this.#changes.get(path) ?? {};
      const file = {
        entry: put.entry,
        seen: localSeen?.entry.kind === "dir" ? undefined : localSeen,
        mtime: stampParts(remoteSeen?.stamp ?? "").mtime,
        size,
        partial: size < LARGE_FILE_BYTES ? undefined : partialBeside(tree, root.staging, path),
        data: counted(data, (count) => this.#ledger.advance(0, count)),
      };
      await this.#putFile({ path, entry: { ...put.entry, size } }, file);
    }, signal);
    this.#ledger.unsettled.push(...files.keys());
  }

  /** Takes out of `files` what is fetched by what differs. */
  async #fetchLarge(files: Map<string, Put>): Promise<void> {
    const { tree, shell, root, signal } = this.#parts;
    for (const [path, put] of files) {
      const { remoteSeen, localSeen } = this.#changes.get(path) ?? {};
      const result = await fetchLarge(shell, root, tree, {
        ...put,
        seen: localSeen?.entry.kind === "dir" ? undefined : localSeen,
        mtime: stampParts(remoteSeen?.stamp ?? "").mtime,
        onBytes: (count) => this.#ledger.advance(0, count),
      }, signal);
      if (result === "whole") continue;
      files.delete(path);
      this.#arrived({ path, entry: { ...put.entry, size: result.size } }, result.applied);
    }
  }

  /** One that cannot be written is told, and the others go on. */
  async #putFile(put: Put, file: IncomingFile): Promise<void> {
    try {
      this.#arrived(put, await putLocalFile(this.#parts.tree, put.path, file));
    } catch (error) {
      if (!(error instanceof NotWritable)) throw error;
      this.#ledger.complaints.push(error.message);
      this.#ledger.unsettled.push(put.path);
    }
  }

  /** Where there are no links, one that comes is left alone. */
  #putLink(put: Put, seen: Seen | undefined): void {
    const { path, entry } = put;
    const { tree, index } = this.#parts;
    const kindOf = (at: string) =>
      (this.#changes.get(at)?.remote ?? index.entries.get(at)?.entry)?.kind;
    const type = linkType(path, entry.content ?? "", kindOf);
    const applied = this.#attempt(path, () => {
      try {
        return putLocalLink(tree, path, entry, seen, type);
      } catch (error) {
        const reason = linkObstacle(error);
        if (reason === undefined) throw error;
        this.refused.push({ path, reason });
        return "refused";
      }
    });
    if (applied !== "refused") this.#arrived(put, applied);
  }

  #arrived({ path, entry }: Put, applied: Applied | undefined): void {
    if (applied === undefined) return void this.#ledger.unsettled.push(path);
    const content = entry.kind === "dir" ? "" : applied.content;
    const remoteStamp = lastingStamp(this.#changes.get(path)?.remoteSeen);
    this.#ledger.record(path, { ...entry, content }, applied.localStamp, remoteStamp);
    this.#ledger.advance(1, 0);
  }

  /** A path that cannot be changed here (no permission) is told, and the others go on. */
  #attempt<T>(path: string, change: () => T): T | undefined {
    try {
      return change();
    } catch (error) {
      this.#ledger.complaints.push(`${path}: ${withoutPaths(error)}`);
      return undefined;
    }
  }
}
