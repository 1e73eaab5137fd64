/**
 * The sync sessions of one remote host: finds or makes the session of a bind mount, counts who uses
 * it, and answers what the commands ask. It owns every session and closes them.
 *
 * Below the state directory, `sync/ID` is what is known of a session; on the remote host,
 * `SYNC_ROOT/OWNER/ID/data` is its copy, and `staging` beside it is where uploads are put together.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { AgentError, describeError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { shellQuote } from "../transport/ssh/shell.ts";
import type { Shell } from "../transport/transport.ts";
import { loadIgnoreRules } from "./ignore_files.ts";
import { relativeTo, remotePath } from "./path_map.ts";
import { QueuedShell } from "./queued_shell.ts";
import { expandHome, probeRemote } from "./remote_root.ts";
import { askScript } from "./remote_shell.ts";
import { Session } from "./session.ts";
import { checkSize, resolveSource, type Source } from "./sources.ts";
import { readSession, type SessionRecord, writeSession } from "./state.ts";
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

export type * from "./types.ts";
export { SyncRefused } from "./sources.ts";

const ID = /^[0-9a-f]{16}$/;
/** The part of a session's remote directory that containers see. */
const DATA = "data";
const STAGING = "staging";
/** Inside the tree of a plain sync, which has no directory of its own around it. */
const PLAIN_STAGING = ".remote-docker-agent-staging";

/** What a manager is made of. */
export interface SyncOptions {
  /** Where state is kept; sessions are below `sync` in it. */
  readonly stateFolder: string;
  /** Tells the copies of this machine and user from those of others; see `config/owner.ts`. */
  readonly owner: string;
  /** The remote directory of all copies; `~` is the remote home directory. */
  readonly syncRoot: string;
  readonly maxBytes: number;
  /** Patterns that hold for every session, in the syntax of gitignore. */
  readonly ignore: readonly string[];
  readonly gitignore: boolean;
  /** Commands on the remote host; waits a bounded time for the connection, then throws. */
  readonly shell: (signal: AbortSignal) => Promise<Shell>;
  /** The remote host for people, such as `ssh://dev@gpu`. */
  readonly remote: string;
  /** The local home directory, which is never synced as a whole. */
  readonly home?: string;
  readonly platform?: typeof Deno.build.os;
  readonly log: Logger;
}

/** See the file comment. */
export class SyncManager implements BindSync {
  readonly #options: SyncOptions;
  readonly #folder: string;
  readonly #sessions = new Map<string, Session>();
  readonly #shells = new WeakMap<Shell, QueuedShell>();
  readonly #closing = new AbortController();
  /** Looking for a session and making it are one step. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: SyncOptions) {
    this.#options = options;
    this.#folder = join(options.stateFolder, "sync");
  }

  /** Takes up the sessions of earlier runs; those that containers use are watched again. */
  static async open(options: SyncOptions): Promise<SyncManager> {
    const manager = new SyncManager(options);
    for (const record of manager.#stored()) {
      if (record.remote !== options.remote) continue;
      const session = manager.#start(record);
      if (Object.keys(record.containers).length > 0) await session.watch(true);
    }
    return manager;
  }

  async prepare(request: MountRequest, signal?: AbortSignal): Promise<PreparedMount> {
    const limit = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    const source = resolveSource(request.local, this.#options.home);
    const found = await this.#oneByOne(() => this.#find(source, request, limit));
    await found.session.open(limit, found.below);
    // The engine looks for the file already when the container is created.
    if (source.only !== undefined) await found.session.flush({ signal: limit });
    const { id, remotePath: remote } = found.session.record;
    return { session: id, remotePath: remotePath(remote, found.below) };
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
      throw new AgentError("usage", `Cannot sync "${local}": it is not a folder`);
    }
    const facts = await probeRemote(await this.#shell(signal), signal);
    const path = expandHome(remote, facts).replace(/(?<=.)\/+$/, "");
    const absolute = path.startsWith("/") ? path : `${facts.home}/${path}`;
    const id = this.#idOf(source.root, absolute);
    const session = this.#sessions.get(id) ?? this.#start({
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

  async attach(
    container: { readonly id: string; readonly name: string },
    sessions: readonly string[],
  ): Promise<void> {
    for (const session of sessions.map((id) => this.#get(id))) {
      const { containers } = session.record;
      session.update({ containers: { ...containers, [container.id]: container.name } });
      await session.watch(true);
    }
  }

  async detach(containerId: string): Promise<void> {
    for (const session of this.#sessions.values()) {
      if (session.record.containers[containerId] === undefined) continue;
      const { [containerId]: _gone, ...containers } = session.record.containers;
      session.update({ containers });
      if (Object.keys(containers).length === 0) await session.watch(false);
    }
  }

  /** Watches a session although no container uses it, until `close`. */
  async watch(id: string): Promise<void> {
    await this.#get(id).watch(true);
  }

  async flush(sessions: readonly string[], options: FlushOptions = {}): Promise<void> {
    const { signal, onProgress } = options;
    const total = new Map<string, SyncProgress>();
    const results = await Promise.allSettled(
      [...new Set(sessions)].map((id) =>
        this.#get(id).flush({
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
    for (const { record } of this.#sessions.values()) {
      for (const [id, name] of Object.entries(record.containers)) {
        const sessions = [...found.get(id)?.sessions ?? [], record.id];
        found.set(id, { id, name, sessions });
      }
    }
    return [...found.values()];
  }

  snapshot(): readonly SyncInfo[] {
    return [...this.#sessions.values()].map((session) => session.info());
  }

  conflicts(): Promise<readonly Conflict[]> {
    const all = [...this.#sessions.values()].flatMap(({ conflicts }) => conflicts.list());
    return Promise.resolve(all.sort((a, b) => b.time - a.time));
  }

  async restore(conflictId: string, to?: string): Promise<void> {
    for (const { conflicts } of this.#sessions.values()) {
      if (await conflicts.restore(conflictId, to)) return;
    }
    throw new AgentError("usage", `There is no conflict "${conflictId}"`, {
      hint: "See remote-docker-agent conflicts",
    });
  }

  pause(session: string): void {
    this.#get(session).pause();
  }

  resume(session: string): void {
    this.#get(session).resume();
  }

  async prune({ dryRun }: { readonly dryRun: boolean }): Promise<readonly PruneEntry[]> {
    const { signal } = this.#closing;
    const shell = await this.#shell(signal);
    const base = await this.#base(shell, signal);
    const { value = "" } = await askScript(
      shell,
      `cd ${shellQuote(base)} 2>/dev/null && ls -1; :`,
      signal,
    );
    const pruned: PruneEntry[] = [];
    for (const id of value.split("\n").filter((name) => ID.test(name))) {
      const session = this.#sessions.get(id);
      if (session !== undefined && Object.keys(session.record.containers).length > 0) continue;
      const entry = { session: id, remotePath: `${base}/${id}`, root: session?.info().root ?? "" };
      if (dryRun || await this.#pruneOne(shell, entry, session, signal)) pruned.push(entry);
    }
    return pruned;
  }

  async close(): Promise<void> {
    this.#closing.abort(new AgentError("lost", "The agent is shutting down"));
    await Promise.all([...this.#sessions.values()].map((session) => session.close()));
  }

  /** What the remote copy alone has is brought back before it is removed. */
  async #pruneOne(
    shell: Shell,
    { session: id, remotePath: path, root }: PruneEntry,
    session: Session | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      await session?.flush({ signal });
    } catch (error) {
      this.#options.log.warn(`Not pruned: ${describeError(error)}`, { folder: root, path });
      return false;
    }
    await session?.close();
    this.#sessions.delete(id);
    const { code, stderr } = await askScript(shell, `rm -rf -- ${shellQuote(path)}`, signal);
    if (code !== 0) {
      this.#options.log.warn("Not all of a remote copy could be removed", {
        path,
        error: stderr[0] ?? "",
      });
    }
    // Kept versions are the user's until restored.
    if ((session?.conflicts.count ?? 0) === 0 && session !== undefined) {
      Deno.removeSync(join(this.#folder, id), { recursive: true });
    } else if (session !== undefined) session.forget();
    return code === 0;
  }

  async #find(
    source: Source,
    request: MountRequest,
    signal: AbortSignal,
  ): Promise<{ session: Session; below: string }> {
    const mode = request.mode ?? (request.readOnly ? "one-way-safe" : "two-way-safe");
    const shared = source.only === undefined ? this.#sharing(source.root, request) : undefined;
    if (shared !== undefined) {
      this.#widen(shared.session, mode, request.mode !== undefined && shared.below === "");
      return shared;
    }
    const { only, root } = source;
    const id = this.#idOf(only === undefined ? root : join(root, only), "");
    const known = this.#sessions.get(id);
    if (known !== undefined) {
      this.#widen(known, mode, request.mode !== undefined);
      return { session: known, below: "" };
    }
    const ignore = [...this.#options.ignore, ...(request.ignore ?? [])];
    const tree = { root, platform: this.#platform };
    const rules = loadIgnoreRules(tree, ignore, this.#options.gitignore);
    await checkSize(tree, source, rules, this.#options.maxBytes, signal);
    const base = `${await this.#base(await this.#shell(signal), signal)}/${id}`;
    const session = this.#start({
      id,
      root,
      ...(only !== undefined && { only }),
      mode,
      ignore,
      remotePath: only === undefined ? `${base}/${DATA}` : `${base}/${DATA}/${only}`,
      staging: `${base}/${STAGING}`,
      remote: this.#options.remote,
      containers: {},
    });
    session.update({});
    return { session, below: "" };
  }

  /** The session whose root holds a folder, the nearest one. */
  #sharing(root: string, request: MountRequest): { session: Session; below: string } | undefined {
    let best: { session: Session; below: string } | undefined;
    for (const session of this.#sessions.values()) {
      const { record } = session;
      const below = relativeTo(record.root, root, this.#platform);
      if (below === undefined || record.only !== undefined || record.plain === true) continue;
      if (below !== "" && !this.#canShare(session, below, request)) continue;
      if (best === undefined || below.length < best.below.length) best = { session, below };
    }
    return best;
  }

  #canShare({ record }: Session, below: string, request: MountRequest): boolean {
    if (request.mode !== undefined && request.mode !== record.mode) return false;
    const tree = { root: record.root, platform: this.#platform };
    const rules = loadIgnoreRules(tree, record.ignore, this.#options.gitignore);
    const parts = below.split("/");
    return !parts.some((_, i) => rules(parts.slice(0, i + 1).join("/"), true));
  }

  /** A session that went one way because nobody wrote there goes both ways once somebody does. */
  #widen(session: Session, mode: SyncMode, isExplicit: boolean): void {
    const { mode: current } = session.record;
    const wider = current === "one-way-safe" && mode === "two-way-safe";
    if (mode !== current && (isExplicit || wider)) session.update({ mode });
  }

  #start(record: SessionRecord): Session {
    const { platform: _platform, log, gitignore } = this.#options;
    const directory = join(this.#folder, record.id);
    writeSession(directory, record);
    const session = new Session(directory, record, {
      shell: (signal) => this.#shell(signal),
      platform: this.#platform,
      ignoresCase: this.#platform === "darwin" || this.#platform === "windows",
      gitignore,
      log,
    });
    this.#sessions.set(record.id, session);
    return session;
  }

  *#stored(): Generator<SessionRecord> {
    let names: string[];
    try {
      names = [...Deno.readDirSync(this.#folder)].map(({ name }) => name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    for (const name of names.filter((one) => ID.test(one))) {
      const record = readSession(join(this.#folder, name));
      if (record !== undefined && record.id === name) yield record;
    }
  }

  async #shell(signal: AbortSignal): Promise<Shell> {
    const shell = await this.#options.shell(signal);
    let queued = this.#shells.get(shell);
    if (queued === undefined) this.#shells.set(shell, queued = new QueuedShell(shell));
    return queued;
  }

  async #base(shell: Shell, signal: AbortSignal): Promise<string> {
    const root = expandHome(this.#options.syncRoot, await probeRemote(shell, signal));
    if (!root.startsWith("/")) {
      throw new AgentError("config", `"${root}" is no absolute path on the remote host`, {
        hint: "Give --sync-root as /DIR or ~/DIR",
      });
    }
    return `${root}/${this.#options.owner}`;
  }

  #get(id: string): Session {
    const session = this.#sessions.get(id);
    if (session === undefined) {
      throw new AgentError("usage", `There is no sync session "${id}"`, {
        hint: "See remote-docker-agent syncs",
      });
    }
    return session;
  }

  #idOf(local: string, remote: string): string {
    const { owner, remote: host } = this.#options;
    const key = [owner, host, local, remote].join("\0");
    return createHash("sha256").update(key).digest("hex").slice(0, 16);
  }

  get #platform(): typeof Deno.build.os {
    return this.#options.platform ?? Deno.build.os;
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
