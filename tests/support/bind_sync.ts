/**
 * Sync sessions without folders: what is asked of them is noted, and a test decides when a flush ends.
 * It stands in for the manager where the subject is who asks for what, and when.
 */
import type {
  AttachedContainer,
  BindSync,
  Conflict,
  FlushOptions,
  MountRequest,
  PreparedMount,
  PruneEntry,
  SyncInfo,
} from "../../lib/sync/types.ts";

/** See the file comment. */
export class FakeSync implements BindSync {
  /** Every call but `snapshot`, such as `flush s1`. */
  readonly calls: string[] = [];
  readonly prepared: MountRequest[] = [];
  /** Called by each flush; may wait, and throw. */
  onFlush: (sessions: readonly string[], options: FlushOptions) => Promise<void> = async () => {};
  /** Called by each prepare; may throw. */
  onPrepare: (request: MountRequest) => void = () => {};
  readonly #sessions = new Map<string, string>();
  /** Sessions by container. */
  readonly #users = new Map<string, readonly string[]>();

  prepare(request: MountRequest): Promise<PreparedMount> {
    this.calls.push(`prepare ${request.local}`);
    try {
      this.onPrepare(request);
    } catch (error) {
      return Promise.reject(error);
    }
    this.prepared.push(request);
    const session = this.#sessions.get(request.local) ?? `s${this.#sessions.size + 1}`;
    this.#sessions.set(request.local, session);
    return Promise.resolve({ session, remotePath: `/sync/${session}` });
  }

  knows(session: string): boolean {
    return [...this.#sessions.values()].includes(session);
  }

  attach(container: { id: string; name: string }, sessions: readonly string[]): Promise<void> {
    this.calls.push(`attach ${container.name} ${sessions.join(" ")}`);
    this.#users.set(container.id, sessions);
    return Promise.resolve();
  }

  detach(containerId: string): Promise<void> {
    this.calls.push("detach");
    this.#users.delete(containerId);
    return Promise.resolve();
  }

  async flush(sessions: readonly string[], options: FlushOptions = {}): Promise<void> {
    this.calls.push(`flush ${sessions.join(" ")}`);
    await this.onFlush(sessions, options);
  }

  attached(): readonly AttachedContainer[] {
    return [...this.#users].map(([id, sessions]) => ({ id, name: "", sessions }));
  }

  snapshot(): readonly SyncInfo[] {
    return [...this.#sessions].map(([root, session]) => ({
      session,
      root,
      remotePath: `/sync/${session}`,
      mode: "two-way-safe",
      state: "idle",
      files: 0,
      bytes: 0,
      pending: 0,
      conflicts: 0,
      problems: [],
      containers: [],
    }));
  }

  /** As if everything had been pruned. */
  forgetAll(): void {
    this.#sessions.clear();
  }

  conflicts(): Promise<readonly Conflict[]> {
    return Promise.resolve([]);
  }

  restore(conflictId: string): Promise<void> {
    this.calls.push(`restore ${conflictId}`);
    return Promise.resolve();
  }

  pause(session: string): void {
    this.calls.push(`pause ${session}`);
  }

  resume(session: string): void {
    this.calls.push(`resume ${session}`);
  }

  prune({ dryRun }: { dryRun: boolean }): Promise<readonly PruneEntry[]> {
    this.calls.push(`prune ${dryRun}`);
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
