/**
 * One session: keeps a local root and its remote copy equal for as long as somebody uses it, and on
 * demand. One loop does all the work, round by round; everything else only tells it what to look at.
 * It owns the watcher, the index and the timers.
 */
import { AgentError, describeError } from "../errors.ts";
import { ConflictStore } from "./conflict_store.ts";
import { Halt, RemoteRootGone, RootGuard } from "./guards.ts";
import { Agenda } from "./agenda.ts";
import { loadIgnoreRules } from "./ignore_files.ts";
import { LastLook } from "./last_look.ts";
import type { LocalTree } from "./local_tree.ts";
import { ProblemList } from "./problem_list.ts";
import { RemoteSide } from "./remote_side.ts";
import { type RoundResult, runRound } from "./round.ts";
import type { RoundScope } from "./round_parts.ts";
import { Schedule } from "./schedule.ts";
import { closed, paused, type SessionDeps, unsettled, type Waiter } from "./session_parts.ts";
import { AgreedIndex, type SessionRecord, writeSession } from "./state.ts";
import type { FlushOptions, SyncInfo, SyncProgress, SyncState } from "./types.ts";
import { watchLocal } from "./watch_local.ts";
import { RemoteFollower } from "./remote_follower.ts";

/** Rounds of one flush before it gives up on paths that will not hold still. */
const MAX_ROUNDS = 6;
const MAX_LOST = 5;
const RETRY_MS = 2_000;
const HALTED_RETRY_MS = 10_000;

/** See the file comment. The manager owns it. */
export class Session {
  readonly conflicts: ConflictStore;
  readonly #deps: SessionDeps;
  readonly #directory: string;
  readonly #tree: LocalTree;
  readonly #guard: RootGuard;
  readonly #index: AgreedIndex;
  readonly #agenda = new Agenda();
  readonly #schedule = new Schedule();
  readonly #follower = new RemoteFollower(this.#schedule, this.#agenda);
  readonly #remote: RemoteSide;
  readonly #problems: ProblemList;
  readonly #closing = new AbortController();
  readonly #held = new Set<string>();
  readonly #lastLook = new LastLook();
  readonly #listeners = new Set<(progress: SyncProgress) => void>();
  #record: SessionRecord;
  #waiters: Waiter[] = [];
  #state: SyncState = "idle";
  #paused = false;
  #reason: string | undefined;
  #watcher: { close(): Promise<void> } | undefined;
  readonly #done: Promise<void>;

  constructor(directory: string, record: SessionRecord, deps: SessionDeps) {
    this.#directory = directory;
    this.#record = record;
    this.#deps = deps;
    this.#tree = { root: record.root, platform: deps.platform };
    this.#index = new AgreedIndex(directory, deps.log);
    this.conflicts = new ConflictStore(directory, record.id);
    const isUsed = () => Object.keys(this.#record.containers).length > 0;
    this.#guard = new RootGuard(this.#tree, record.only !== undefined, isUsed);
    this.#remote = new RemoteSide(record, deps.shell, deps.log);
    this.#problems = new ProblemList(record.root, deps.log);
    this.#done = this.#run();
  }

  /** What is kept about it on disk. */
  get record(): SessionRecord {
    return this.#record;
  }

  /** See `BindSync.snapshot`. */
  info(): SyncInfo {
    const { id, root, only, remotePath, mode, lastSync, containers } = this.#record;
    let bytes = 0;
    for (const { entry } of this.#index.entries.values()) bytes += entry.size;
    return {
      session: id,
      root: only === undefined ? root : `${root}/${only}`,
      remotePath,
      mode,
      state: this.#paused ? "paused" : this.#state,
      ...(this.#reason !== undefined && { reason: this.#reason }),
      files: this.#index.entries.size,
      bytes,
      ...(lastSync !== undefined && { lastSync }),
      pending: this.#agenda.size,
      conflicts: this.conflicts.count,
      problems: this.#problems.shown,
      containers: Object.values(containers),
    };
  }

  /** Changes what is kept about it. */
  update(change: Partial<SessionRecord>): void {
    this.#record = { ...this.#record, ...change };
    writeSession(this.#directory, this.#record);
  }

  /** Makes sure that the remote directories exist, down to the one `below` the root. */
  async open(signal: AbortSignal, below: string): Promise<void> {
    await this.#remote.open(signal);
    if (below !== "") await this.#remote.makeDir(below, signal);
  }

  /** The remote copy is gone for good: nothing is agreed on any more. */
  forget(): void {
    this.#index.clear();
  }

  /** Starts or stops watching, as there are users or none. */
  async watch(wanted: boolean): Promise<void> {
    if (wanted === (this.#watcher !== undefined) || this.#closing.signal.aborted) return;
    const old = this.#watcher;
    this.#watcher = undefined;
    await old?.close();
    if (!wanted) return void this.#follower.close();
    this.#schedule.isBlind = false;
    this.#watcher = watchLocal(this.#tree, this.#record.only, {
      onPath: (path) => this.#agenda.path(path),
      onAnything: () => this.#agenda.all(),
      onBlind: () => this.#schedule.isBlind = true,
    }, this.#deps.log);
    this.#agenda.all();
  }

  /** See `BindSync.flush`. */
  async flush({ signal, onProgress }: FlushOptions = {}): Promise<void> {
    if (this.#record.mode === "off") return;
    if (this.#closing.signal.aborted) throw closed();
    if (this.#paused) throw paused(this.#record.root);
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    if (onProgress !== undefined) this.#listeners.add(onProgress);
    this.#waiters.push({ resolve, reject });
    this.#agenda.all();
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      if (onProgress !== undefined) this.#listeners.delete(onProgress);
    }
  }

  pause(): void {
    this.#paused = true;
  }

  /** Goes on; if a guard has stopped the session, what it warned of is accepted once. */
  resume(): void {
    this.#paused = false;
    if (this.#state === "halted") this.#guard.accept();
    this.#agenda.all();
  }

  /** Ends the loop; a round under way is given up. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort(closed());
    this.#agenda.wake();
    this.#follower.close();
    const watcher = this.#watcher;
    this.#watcher = undefined;
    await watcher?.close();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const isWatched = this.#watcher !== undefined && !this.#paused;
      await this.#agenda.ready(isWatched ? this.#schedule.pauseMs : undefined);
      if (signal.aborted) break;
      if (this.#paused) {
        await this.#agenda.sleep(RETRY_MS);
        continue;
      }
      this.#addTimed();
      if (this.#agenda.isEmpty) continue;
      await this.#serve();
    }
    for (const { reject } of this.#waiters.splice(0)) reject(signal.reason);
  }

  /** What is due although nothing hinted at it. */
  #addTimed(): void {
    if (this.#watcher === undefined) return;
    if (this.#agenda.isEmpty) this.#agenda.remote();
    if (this.#schedule.isFullDue) this.#agenda.all();
  }

  /** Works until those who wait now are served, or it fails. */
  async #serve(): Promise<void> {
    const waiters = this.#waiters.splice(0);
    try {
      await this.#settleAll(waiters.length > 0);
      for (const { resolve } of waiters) resolve();
      if (this.#state !== "halted") this.#reason = undefined;
      if (this.#watcher !== undefined && this.#schedule.isSlow) {
        await this.#follower.follow(await this.#remote.open(this.#closing.signal));
      }
    } catch (error) {
      if (this.#closing.signal.aborted) {
        return void waiters.forEach(({ reject }) => reject(closed()));
      }
      this.#failed(error);
      for (const { reject } of waiters) reject(error);
      if (this.#watcher === undefined) return;
      this.#agenda.all();
      await this.#agenda.sleep(this.#state === "halted" ? HALTED_RETRY_MS : RETRY_MS);
    }
  }

  #failed(error: unknown): void {
    const reason = describeError(error);
    const isLost = error instanceof AgentError && error.kind === "lost";
    this.#state = error instanceof Halt ? "halted" : isLost ? "waiting" : "idle";
    if (reason !== this.#reason) {
      this.#deps.log.warn(`The sync of a folder has stopped: ${reason}`, {
        folder: this.#record.root,
      });
    }
    this.#reason = reason;
  }

  async #settleAll(isFlush: boolean): Promise<void> {
    let lost = 0;
    let rights = true;
    for (let round = 1;; round++) {
      const scope = this.#agenda.take();
      let result: RoundResult;
      try {
        result = await this.#round(scope);
      } catch (error) {
        lost += 1;
        if (!this.#mendable(error) || lost > MAX_LOST) throw error;
        this.#agenda.all();
        continue;
      }
      const said = [...result.complaints, ...result.problems.map(({ reason }) => reason)];
      if (rights && await this.#remote.openRights(said, this.#closing.signal)) {
        rights = false;
        this.#agenda.all();
        continue;
      }
      this.#problems.add(result.problems, scope.local === "all");
      if (result.unsettled.length === 0) break;
      if (round >= MAX_ROUNDS) {
        if (result.complaints.length > 0) throw unsettled(result);
        // A file that is written all the time has no state to be synced; its next one is.
        this.#deps.log.warn("A file keeps changing while it is synced", {
          folder: this.#record.root,
          file: result.unsettled[0] ?? "",
        });
        break;
      }
      this.#agenda.all();
      if (round > 2) await this.#agenda.sleep(50 * round);
    }
    this.#state = this.#watcher === undefined ? "idle" : "watching";
    if (isFlush) this.update({ lastSync: Date.now() });
  }

  /** Whether the same may go well at once: on a new connection, or with a new remote copy. */
  #mendable(error: unknown): boolean {
    if (this.#closing.signal.aborted) return false;
    if (error instanceof RemoteRootGone && Object.keys(this.#record.containers).length === 0) {
      this.#index.clear();
      this.#remote.forget();
      return true;
    }
    return error instanceof AgentError && error.kind === "lost";
  }

  async #round(scope: RoundScope): Promise<RoundResult> {
    const { signal } = this.#closing;
    const { shell, root } = await this.#remote.open(signal);
    this.#state = "syncing";
    const started = performance.now();
    const result = await runRound({
      tree: this.#tree,
      root,
      shell,
      index: this.#index,
      conflicts: this.conflicts,
      guard: this.#guard,
      mode: this.#record.mode,
      ignored: loadIgnoreRules(this.#tree, this.#record.ignore, this.#deps.gitignore),
      only: this.#record.only,
      limits: { platform: this.#deps.platform, ignoresCase: this.#deps.ignoresCase },
      held: this.#held,
      lastLook: this.#lastLook,
      log: this.#deps.log,
      signal,
      onProgress: (progress) => {
        for (const listener of this.#listeners) listener(progress);
      },
    }, scope);
    this.#schedule.looked(scope, result.carried === 0 ? performance.now() - started : undefined);
    if (result.unsettled.length === 0) this.#guard.settled();
    return result;
  }
}
