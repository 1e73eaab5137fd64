/**
 * One session: keeps a local root and its remote copy equal for as long as somebody uses it, and on
 * demand. One loop does all the work (`settling.ts`); everything else only tells it what to look at. It
 * owns the watcher, the lock and the timers.
 */
import { emitNothing } from "../../agent_event.ts";
import { AgentError, describeError } from "../../errors.ts";
import { Agenda } from "./agenda.ts";
import type { ConflictStore } from "../conflict_store.ts";
import { Halt } from "./guards.ts";
import type { LocalTree } from "../local/tree.ts";
import { localPath } from "../core/path_map.ts";
import { Schedule } from "./schedule.ts";
import { SessionLock, SessionTaken } from "./session_lock.ts";
import { closed, paused, type SessionDeps, type Waiter } from "./session_parts.ts";
import { SessionEvents } from "./session_events.ts";
import { Settling } from "./settling.ts";
import { type SessionRecord, writeSession } from "../state.ts";
import type { FlushOptions, SyncInfo, SyncProgress, SyncState } from "../types.ts";
import { watchLocal } from "../local/watch.ts";
import type { RemoteRoot } from "../remote/root.ts";
import { RemoteFollower } from "../remote/follower.ts";

const RETRY_MS = 2_000;
const HALTED_RETRY_MS = 10_000;

/** See the file comment. The manager owns it. */
export class Session {
  readonly #deps: SessionDeps;
  readonly #directory: string;
  readonly #tree: LocalTree;
  readonly #agenda = new Agenda();
  readonly #schedule = new Schedule();
  readonly #follower: RemoteFollower;
  readonly #closing = new AbortController();
  readonly #events: SessionEvents;
  readonly #work: Settling;
  readonly #lock: SessionLock;
  readonly #listeners = new Set<(progress: SyncProgress) => void>();
  #record: SessionRecord;
  #waiters: Waiter[] = [];
  #state: SyncState = "idle";
  #paused = false;
  #reason: string | undefined;
  #watcher: { close(): Promise<void> } | undefined;
  /** Held while there is work, or a watcher. */
  #hold: Disposable | undefined;
  /** Another process had it when we last asked. */
  #isTaken = false;
  readonly #done: Promise<void>;

  constructor(directory: string, record: SessionRecord, deps: SessionDeps) {
    this.#directory = directory;
    this.#record = record;
    this.#deps = deps;
    this.#tree = { root: record.root, platform: deps.platform };
    this.#events = new SessionEvents(record.root, deps.emit ?? emitNothing);
    this.#work = new Settling({
      ...deps,
      directory,
      tree: this.#tree,
      record: () => this.#record,
      agenda: this.#agenda,
      schedule: this.#schedule,
      events: this.#events,
      onRound: () => this.#state = "syncing",
      onProgress: (progress) => {
        for (const listener of this.#listeners) listener(progress);
      },
      signal: this.#closing.signal,
    });
    this.#follower = new RemoteFollower(this.#schedule, this.#agenda, deps.log);
    this.#lock = new SessionLock({
      directory,
      folder: record.root,
      log: deps.log,
      onTaken: () => this.#work.takeOver(),
      patienceMs: deps.patienceMs,
    });
    this.#done = this.#run();
  }

  /** Remote versions that lost. */
  get conflicts(): ConflictStore {
    return this.#work.conflicts;
  }

  /** What is kept about it on disk. */
  get record(): SessionRecord {
    return this.#record;
  }

  /** See `BindSync.snapshot`. */
  info(): SyncInfo {
    const { id, root, only, remotePath, mode, lastSync, containers } = this.#record;
    const { index, conflicts, problems } = this.#work;
    let bytes = 0;
    for (const { entry } of index.entries.values()) bytes += entry.size;
    return {
      session: id,
      root: only === undefined ? root : localPath(root, only, this.#tree.platform),
      remotePath,
      mode,
      state: this.#paused ? "paused" : this.#state,
      ...(this.#reason !== undefined && { reason: this.#reason }),
      files: index.entries.size,
      bytes,
      ...(lastSync !== undefined && { lastSync }),
      pending: this.#agenda.size,
      conflicts: conflicts.count,
      problems: problems.shown,
      containers: Object.values(containers),
    };
  }

  /** Changes what is kept about it. */
  update(change: Partial<SessionRecord>): void {
    this.#record = { ...this.#record, ...change };
    writeSession(this.#directory, this.#record);
  }

  /** Makes sure that the remote directories exist, down to the one `below` the root. */
  async open(signal: AbortSignal, below: string): Promise<RemoteRoot> {
    using _hold = await this.hold(signal);
    const { root } = await this.#work.remote.open(signal);
    if (below !== "") await this.#work.remote.makeDir(below, signal);
    return root;
  }

  /** Keeps other processes from it; waits a moment for one that has it. Throws `SessionTaken`. */
  async hold(signal: AbortSignal): Promise<Disposable> {
    return await this.#lock.holdSoon(signal);
  }

  /** Whether the remote copy has nothing but what was agreed on. */
  async isCopyAsAgreed(signal: AbortSignal): Promise<boolean> {
    return await this.#work.isCopyAsAgreed(signal);
  }

  /** The remote copy is gone for good: nothing is agreed on any more. */
  forget(): void {
    this.#work.index.clear();
  }

  /** Starts or stops watching, as there are users or none. */
  async watch(wanted: boolean): Promise<void> {
    if (wanted === (this.#watcher !== undefined) || this.#closing.signal.aborted) return;
    const old = this.#watcher;
    this.#watcher = undefined;
    await old?.close();
    if (!wanted) {
      this.#follower.close();
      return this.#agenda.wake();
    }
    this.#schedule.isBlind = false;
    this.#watcher = watchLocal(this.#tree, this.#record.only, {
      onPath: (path) => {
        if (this.#work.ignore.has(path)) this.#agenda.all();
        else this.#agenda.path(path);
      },
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
    this.#tell();
  }

  /** Goes on; if a guard has stopped the session, what it warned of is accepted once. */
  resume(): void {
    this.#paused = false;
    this.#tell();
    if (this.#state === "halted") this.#work.guard.accept();
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
      if (this.#agenda.isEmpty && this.#watcher === undefined) await this.#letGo();
      if (signal.aborted) break;
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
    await this.#letGo();
    for (const { reject } of this.#waiters.splice(0)) reject(signal.reason);
  }

  async #letGo(): Promise<void> {
    if (this.#hold !== undefined) await this.#work.remote.rest();
    this.#hold?.[Symbol.dispose]();
    this.#hold = undefined;
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
      const isKnown = this.#isTaken && this.#watcher !== undefined;
      const isPatient = waiters.length > 0 && !isKnown;
      this.#hold ??= isPatient
        ? await this.#lock.holdSoon(this.#closing.signal)
        : this.#lock.hold();
      await this.#work.settle();
      this.#settled();
      if (waiters.length > 0) this.update({ lastSync: Date.now() });
      for (const { resolve } of waiters) resolve();
      if (this.#watcher === undefined || !this.#schedule.isSlow) return;
      this.#follower.follow(await this.#work.remote.open(this.#closing.signal));
    } catch (error) {
      if (this.#closing.signal.aborted) {
        return void waiters.forEach(({ reject }) => reject(closed()));
      }
      this.#failed(error);
      for (const { reject } of waiters) reject(error);
      if (this.#watcher === undefined) {
        // Nobody is left to do it for; whoever comes next has everything looked at.
        if (this.#waiters.length === 0) this.#agenda.clear();
        return;
      }
      this.#agenda.all();
      if (this.#waiters.length > 0) return; // who came meanwhile is served at once
      await this.#agenda.sleep(this.#state === "halted" ? HALTED_RETRY_MS : RETRY_MS);
    }
  }

  #settled(): void {
    this.#state = this.#watcher === undefined ? "idle" : "watching";
    this.#reason = undefined;
    this.#isTaken = false;
    this.#tell();
  }

  #failed(error: unknown): void {
    this.#isTaken = error instanceof SessionTaken;
    const reason = describeError(error);
    const waits = this.#isTaken || (error instanceof AgentError && error.kind === "lost");
    this.#state = error instanceof Halt ? "halted" : waits ? "waiting" : "idle";
    if (reason !== this.#reason) {
      this.#deps.log.warn(`The sync of a folder has stopped: ${reason}`, {
        folder: this.#record.root,
      });
    }
    this.#reason = reason;
    this.#tell();
  }

  #tell(): void {
    this.#events.state(this.#paused ? "paused" : this.#state, this.#reason);
  }
}
