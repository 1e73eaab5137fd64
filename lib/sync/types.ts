/**
 * The words of folder synchronisation as the rest of the program sees them: what may be asked of a
 * sync session and what it tells about itself. Plain data, owned by nobody.
 */

/**
 * How two sides are kept equal. `two-way-safe`: changes travel both ways and nothing is lost;
 * `one-way-safe`: local to remote, remote changes stay where they are; `one-way-replica`: the remote
 * side is made equal to the local one; `off`: nothing travels.
 */
export type SyncMode = "two-way-safe" | "one-way-safe" | "one-way-replica" | "off";

/** See {@link SyncMode}. */
export const SYNC_MODES = ["two-way-safe", "one-way-safe", "one-way-replica", "off"] as const;

/** One bind mount somebody asks for. */
export interface MountRequest {
  /** Absolute path on this machine, of a directory or a file. */
  readonly local: string;
  /** Nobody writes on the remote side: one way is enough. */
  readonly readOnly: boolean;
  /** Default: by `readOnly`. */
  readonly mode?: SyncMode;
  /** Further patterns, in the syntax of gitignore. */
  readonly ignore?: readonly string[];
  /** The session that it had before, where there was one: its remote copy is wanted again. */
  readonly session?: string;
}

/** What to bind on the remote host in place of {@link MountRequest.local}. */
export interface PreparedMount {
  readonly session: string;
  readonly remotePath: string;
  /** `remotePath` is the name of a volume of the engine. */
  readonly isVolume?: boolean;
}

/** How far a running flush is. Totals grow while changes are still being found. */
export interface SyncProgress {
  readonly files: number;
  readonly totalFiles: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

/** `waiting`: the remote host is not connected. `halted`: a guard stopped it; see `reason`. */
export type SyncState = "idle" | "watching" | "syncing" | "waiting" | "paused" | "halted";

/** One session, for lists. Times are milliseconds since the epoch, sizes bytes. */
export interface SyncInfo {
  readonly session: string;
  readonly root: string;
  readonly remotePath: string;
  readonly mode: SyncMode;
  readonly state: SyncState;
  /** Why it is halted or what its last attempt failed with. */
  readonly reason?: string;
  readonly files: number;
  readonly bytes: number;
  readonly lastSync?: number;
  /** Paths known to differ that have not been carried over yet. */
  readonly pending: number;
  readonly conflicts: number;
  /** Paths that cannot be synced, each with the reason; the list is cut at a bound. */
  readonly problems: readonly Problem[];
  readonly containers: readonly string[];
}

/** A path that is left alone, and why. */
export interface Problem {
  readonly path: string;
  readonly reason: string;
  /** It is synced, but may not be what it seems on the other side. */
  readonly isSynced?: true;
}

/** A remote version that lost against the local one and was kept. */
export interface Conflict {
  readonly id: string;
  readonly session: string;
  /** Absolute local path of the file that won. */
  readonly local: string;
  /** Where the kept version is, on this machine. */
  readonly kept: string;
  /** When it was found, in milliseconds since the epoch. */
  readonly time: number;
  readonly size: number;
}

/** One remote copy that `prune` removes, or would remove. */
export interface PruneEntry {
  readonly session: string;
  readonly remotePath: string;
  /** Empty when this machine does not know the session any more. */
  readonly root: string;
}

/** The folders behind bind mounts; see each method. All errors are `AgentError`. */
export interface BindSync {
  /**
   * Finds or makes the session of a root (nested sources share one) and creates the remote side; does
   * not wait for the first sync. Refuses `/`, the home directory and what is larger than the limit,
   * with the size and a hint.
   */
  prepare(request: MountRequest, signal?: AbortSignal): Promise<PreparedMount>;
  /** Whether there is such a session; one that another program has made meanwhile is taken up. */
  knows(session: string): boolean;
  /** The container uses these sessions from here on: both sides are watched. Survives restarts. */
  attach(
    container: { readonly id: string; readonly name: string },
    sessions: readonly string[],
  ): Promise<void>;
  /** The container uses none any more. */
  detach(containerId: string): Promise<void>;
  /**
   * Settles when everything that was on either side at the call is on the other. Parallel callers
   * share one run. Rejects when the disk is full, the link does not come back or a session is halted.
   */
  flush(sessions: readonly string[], options?: FlushOptions): Promise<void>;
  /** The containers that use sessions, also those of earlier runs. */
  attached(): readonly AttachedContainer[];
  /** What is known now; costs nothing. */
  snapshot(): readonly SyncInfo[];
  /** The kept remote versions, newest first. */
  conflicts(): Promise<readonly Conflict[]>;
  /** Puts a kept version at `to`, by default in place of the file that won, and forgets it. */
  restore(conflictId: string, to?: string): Promise<void>;
  /** Stops carrying changes over until {@link resume}. */
  pause(session: string): void;
  /** Goes on; for a halted session it means that the deletions are intended. */
  resume(session: string): void;
  /** Removes the remote copies and the state of sessions that no container uses. */
  prune(options: { readonly dryRun: boolean }): Promise<readonly PruneEntry[]>;
  /** Ends all sessions; what is under way is given up and continued by the next start. */
  close(): Promise<void>;
}

/** A container and the sessions it uses. */
export interface AttachedContainer {
  readonly id: string;
  readonly name: string;
  readonly sessions: readonly string[];
}

/** Options of {@link BindSync.flush}. */
export interface FlushOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SyncProgress) => void;
}
