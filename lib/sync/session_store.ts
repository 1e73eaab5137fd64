/**
 * The sessions of one remote host by their ids, on disk and in memory, and the way to the host that they
 * share. Made and closed by the manager.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Emit } from "../agent_event.ts";
import { AgentError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { EngineCalls } from "../docker/engine_calls.ts";
import type { Shell } from "../transport/transport.ts";
import { QueuedShell } from "./remote/queued_shell.ts";
import { expandHome, probeRemote } from "./remote/root.ts";
import { Session } from "./session/session.ts";
import { EngineShell } from "./volume/engine_shell.ts";
import type { WatchingShell } from "./remote/watch.ts";
import { readSession, type SessionRecord, writeSession } from "./state.ts";

/** The form of a session's id. */
export const SESSION_ID = /^[0-9a-f]{16}$/;

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
  /**
   * Commands on the remote host, nothing where it runs none for us; waits a bounded time for the
   * connection, then throws.
   */
  readonly shell: (signal: AbortSignal) => Promise<Shell | undefined>;
  /** The engine there, where copies may be in its volumes. */
  readonly engine?: EngineCalls;
  /** The remote host for people, such as `ssh://dev@gpu`. */
  readonly remote: string;
  /** The local home directory, which is never synced as a whole. */
  readonly home?: string;
  readonly platform?: typeof Deno.build.os;
  readonly log: Logger;
  /** Is told of states, changes and conflicts. Default: nobody is. */
  readonly emit?: Emit;
}

/** See the file comment. */
export class SessionStore {
  readonly options: SyncOptions;
  readonly sessions: Map<string, Session> = new Map();
  readonly #shells = new WeakMap<Shell, QueuedShell>();
  #engine: EngineShell | undefined;

  constructor(options: SyncOptions) {
    this.options = options;
  }

  get platform(): typeof Deno.build.os {
    return this.options.platform ?? Deno.build.os;
  }

  /** Where what is known of a session is kept. */
  directoryOf(id: string): string {
    return join(this.options.stateFolder, "sync", id);
  }

  /** Makes a session, and its directory. */
  start(record: SessionRecord): Session {
    const { log, gitignore, emit } = this.options;
    const directory = this.directoryOf(record.id);
    writeSession(directory, record);
    const session = new Session(directory, record, {
      shell: (signal) => this.#shellOf(record, signal),
      platform: this.platform,
      ignoresCase: this.platform === "darwin" || this.platform === "windows",
      gitignore,
      ...(emit && { emit }),
      log,
    });
    this.sessions.set(record.id, session);
    return session;
  }

  /** What earlier runs have left. */
  *stored(): Generator<SessionRecord> {
    let names: string[];
    try {
      names = [...Deno.readDirSync(join(this.options.stateFolder, "sync"))].map(({ name }) => name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    for (const name of names.filter((one) => SESSION_ID.test(one))) {
      const record = readSession(join(this.options.stateFolder, "sync", name));
      if (record !== undefined && record.id === name) yield record;
    }
  }

  /** Takes up a session that another process has made meanwhile; nothing if there is none. */
  adopt(id: string): Session | undefined {
    const record = readSession(this.directoryOf(id));
    if (record === undefined || record.id !== id || record.remote !== this.options.remote) {
      return undefined;
    }
    return this.start(record);
  }

  /** What is asked for files in volumes; nothing where copies are never there. */
  get engine(): EngineShell | undefined {
    const { engine, owner } = this.options;
    return this.#engine ??= engine && new EngineShell(engine, owner);
  }

  /** A copy stays where it is, also if the host can do more or less than when it was made. */
  async #shellOf({ volume, remotePath }: SessionRecord, signal: AbortSignal) {
    const shell = volume === true ? this.engine : await this.shell(signal);
    if (shell !== undefined && (volume === true || !(shell instanceof EngineShell))) return shell;
    const message = `Cannot sync "${remotePath}": the remote host runs no commands for us now`;
    throw new AgentError("engine", message, {
      hint: "it goes on when it does; or create the containers anew",
    });
  }

  /** Commands on the remote host, a few at a time; or the engine, where there is nothing else. */
  async shell(signal: AbortSignal): Promise<WatchingShell> {
    const shell = await this.options.shell(signal);
    if (shell === undefined) {
      if (this.engine !== undefined) return this.engine;
      throw new AgentError("engine", "Cannot sync: the remote host runs no commands for us");
    }
    let queued = this.#shells.get(shell);
    if (queued === undefined) this.#shells.set(shell, queued = new QueuedShell(shell));
    return queued;
  }

  /** The remote directory of all copies of ours. */
  async base(shell: Shell, signal: AbortSignal): Promise<string> {
    const root = expandHome(this.options.syncRoot, await probeRemote(shell, signal));
    if (!root.startsWith("/")) {
      throw new AgentError("config", `"${root}" is no absolute path on the remote host`, {
        hint: "give --sync-root as /DIR or ~/DIR",
      });
    }
    return `${root}/${this.options.owner}`;
  }

  /** Throws `AgentError` of kind `usage` if there is none. */
  get(id: string): Session {
    const session = this.sessions.get(id);
    if (session === undefined) {
      throw new AgentError("usage", `There is no sync session "${id}"`, {
        hint: "see remote-docker-agent syncs",
      });
    }
    return session;
  }

  /** The same for the same folder of the same user and machine on the same host. */
  idOf(local: string, remote: string): string {
    const { owner, remote: host } = this.options;
    const key = [owner, host, local, remote].join("\0");
    return createHash("sha256").update(key).digest("hex").slice(0, 16);
  }
}
