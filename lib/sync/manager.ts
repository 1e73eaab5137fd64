/**
 * The sync sessions of one remote host: finds or makes the session of a bind mount, counts who uses
 * it, and answers what the commands ask. It owns every session and closes them.
 *
 * Below the state directory, `sync/ID` is what is known of a session; on the remote host,
 * `SYNC_ROOT/OWNER/ID/data` is its copy, and `staging` beside it is where uploads are put together.
 */
import { AgentError } from "../errors.ts";
import { remotePath } from "./core/path_map.ts";
import { pruneCopies } from "./prune.ts";
import { expandHome, probeRemote } from "./remote/root.ts";
import { findSession } from "./session_finder.ts";
import { SessionStore, type SyncOptions } from "./session_store.ts";
import { resolveSource } from "./sources.ts";
import type {
  AttachedContainer,
  BindSync,
  Conflict,
  FlushOptions,
  MountRequest,
  PreparedMount,
  PruneEntry,
  SyncInfo,
  SyncMode,
  SyncProgress,
} from "./types.ts";

/** Inside the tree of a plain sync, which has no directory of its own around it. */
const PLAIN_STAGING = ".remote-docker-agent-staging";

/** See the file comment. */
export class SyncManager implements BindSync {
  readonly #options: SyncOptions;
  readonly #store: SessionStore;
  readonly #closing = new AbortController();
  /** Looking for a session and making it are one step. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: SyncOptions) {
    this.#options = options;
    this.#store = new SessionStore(options);
  }

  /** Takes up the sessions of earlier runs; those that containers use are watched again. */
  static async open(options: SyncOptions): Promise<SyncManager> {
    const manager = new SyncManager(options);
    for (const record of manager.#store.stored()) {
      if (record.remote !== options.remote) continue;
      const session = manager.#store.start(record);
      if (Object.keys(record.containers).length > 0) await session.watch(true);
    }
    return manager;
  }

  async prepare(request: MountRequest, signal?: AbortSignal): Promise<PreparedMount> {
    const limit = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    const source = resolveSource(request.local, this.#options.home);
    const found = await this.#oneByOne(() => findSession(this.#store, source, request, limit));
    const { mountpoint } = await found.session.open(limit, found.below);
    // The engine looks for the file already when the container is created.
    if (source.only !== undefined) await found.session.flush({ signal: limit });
    const { id, remotePath: remote } = found.session.record;
    if (mountpoint === undefined) {
      return { session: id, remotePath: remotePath(remote, found.below) };
    }
    const below = source.only ?? found.below;
    return below === ""
      ? { session: id, remotePath: remote, isVolume: true }
      : { session: id, remotePath: remotePath(mountpoint, below) };
  }

  /** A session between a folder and any remote directory, for `sync LOCAL REMOTE`. */
  async preparePlain(
    local: string,
    remote: string,
    mode: SyncMode,
    signal: AbortSignal,
  ): Promise<string> {
    const source = resolveSource(local, this.#options.home);
    if (source.only !== undefined) {
      throw new AgentError("usage", `Cannot sync "${local}": it is not a folder`, {
        hint: "name the folder that holds it",
      });
    }
    const facts = await probeRemote(await this.#store.shell(signal), signal);
    const path = expandHome(remote, facts).replace(/(?<=.)\/+$/, "");
    const absolute = path.startsWith("/") ? path : `${facts.home}/${path}`;
    const id = this.#store.idOf(source.root, absolute);
    const session = this.#store.sessions.get(id) ?? this.#store.start({
      id,
      root: source.root,
      mode,
      ignore: [],
      remotePath: absolute,
      staging: `${absolute}/${PLAIN_STAGING}`,
      remote: this.#options.remote,
      containers: {},
      plain: true,
    });
    session.update({ mode });
    await session.open(signal, "");
    return id;
  }

  knows(session: string): boolean {
    return (this.#store.sessions.get(session) ?? this.#store.adopt(session)) !== undefined;
  }

  async attach(
    container: { readonly id: string; readonly name: string },
    sessions: readonly string[],
  ): Promise<void> {
    for (const session of sessions.map((id) => this.#store.get(id))) {
      const { containers } = session.record;
      session.update({ containers: { ...containers, [container.id]: container.name } });
      await session.watch(true);
    }
  }

  async detach(containerId: string): Promise<void> {
    for (const session of this.#store.sessions.values()) {
      if (session.record.containers[containerId] === undefined) continue;
      const { [containerId]: _gone, ...containers } = session.record.containers;
      session.update({ containers });
      if (Object.keys(containers).length === 0) await session.watch(false);
    }
  }

  /** Watches a session although no container uses it, until `close`. */
  async watch(id: string): Promise<void> {
    await this.#store.get(id).watch(true);
  }

  async flush(sessions: readonly string[], options: FlushOptions = {}): Promise<void> {
    const { signal, onProgress } = options;
    const total = new Map<string, SyncProgress>();
    const results = await Promise.allSettled(
      [...new Set(sessions)].map((id) =>
        this.#store.get(id).flush({
          ...(signal && { signal }),
          ...(onProgress && {
            onProgress: (progress) => {
              total.set(id, progress);
              onProgress(sum([...total.values()]));
            },
          }),
        })
      ),
    );
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  attached(): readonly AttachedContainer[] {
    const found = new Map<string, AttachedContainer>();
    for (const { record } of this.#store.sessions.values()) {
      for (const [id, name] of Object.entries(record.containers)) {
        const sessions = [...found.get(id)?.sessions ?? [], record.id];
        found.set(id, { id, name, sessions });
      }
    }
    return [...found.values()];
  }

  snapshot(): readonly SyncInfo[] {
    return [...this.#store.sessions.values()].map((session) => session.info());
  }

  conflicts(): Promise<readonly Conflict[]> {
    const all = [...this.#store.sessions.values()].flatMap(({ conflicts }) => conflicts.list());
    return Promise.resolve(all.sort((a, b) => b.time - a.time));
  }

  async restore(conflictId: string, to?: string): Promise<void> {
    for (const { conflicts } of this.#store.sessions.values()) {
      if (await conflicts.restore(conflictId, to)) return;
    }
    throw new AgentError("usage", `There is no conflict "${conflictId}"`, {
      hint: "see remote-docker-agent conflicts",
    });
  }

  pause(session: string): void {
    this.#store.get(session).pause();
  }

  resume(session: string): void {
    this.#store.get(session).resume();
  }

  async prune({ dryRun }: { readonly dryRun: boolean }): Promise<readonly PruneEntry[]> {
    return await pruneCopies(this.#store, dryRun, this.#closing.signal);
  }

  async close(): Promise<void> {
    this.#closing.abort(new AgentError("lost", "The agent is shutting down"));
    await Promise.all([...this.#store.sessions.values()].map((session) => session.close()));
  }

  async #oneByOne<T>(step: () => Promise<T>): Promise<T> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    try {
      await before;
      return await step();
    } finally {
      resolve();
    }
  }
}

function sum(all: readonly SyncProgress[]): SyncProgress {
  const total = { files: 0, totalFiles: 0, bytes: 0, totalBytes: 0 };
  for (const one of all) {
    total.files += one.files;
    total.totalFiles += one.totalFiles;
    total.bytes += one.bytes;
    total.totalBytes += one.totalBytes;
  }
  return total;
}
