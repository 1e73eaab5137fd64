/**
 * What a running command shows of itself. Whoever starts it puts these functions together; they are
 * called when somebody asks and never otherwise.
 */
import type { ForwardInfo, ForwardKind } from "../../forward/forward_info.ts";
import type { FailureKind, LimitEvent, RouteLabel } from "../../proxy/observer.ts";
import type { EventLog } from "../event_log.ts";
import type { Histogram } from "../metrics/histogram.ts";
import type { BindSync } from "../../sync/types.ts";

/** Answers of one operation. */
export interface OperationCount {
  readonly latency: Histogram;
  /** By the class of their status, such as `2xx`. */
  readonly byClass: ReadonlyMap<string, number>;
}

/** The last thing that went wrong. */
export interface LastError {
  readonly message: string;
  /** Absent: not known. */
  readonly at?: Date;
}

/** What has been counted since the command began. */
export interface Counts {
  readonly started: Date;
  readonly uptimeMs: number;
  /** Client connections: being served now, and ever. */
  readonly connections: { readonly active: number; readonly total: number };
  /** How long the connections that have ended were open on average; 0 when none has. */
  readonly averageDurationMs: number;
  /** From clients, and to them. */
  readonly bytes: { readonly received: number; readonly sent: number };
  readonly failures: Readonly<Record<FailureKind, number>>;
  readonly lastError: LastError | undefined;
  readonly limits: ReadonlyMap<LimitEvent, number>;
  /** At most one entry per row of the route table, and one for everything else. */
  readonly operations: ReadonlyMap<RouteLabel, OperationCount>;
}

/** One remote host. */
export interface HostStatus {
  /** What the user calls it; without such a name as `address`. */
  name: string;
  /** Where it is, such as `ssh://dev@gpu.example.com:22`. */
  address: string;
  /** `idle`: nobody has asked for it yet, so it is not connected. */
  state: "up" | "connecting" | "down" | "idle";
  /** Since when it is in this state, as RFC 3339 has it. */
  since: string;
  /** How often the connection was lost. */
  losses: number;
  /** Connections made again after the first one. */
  reconnects: number;
  /** Attempts to connect that failed. */
  failed_attempts: number;
  /** The last round trip that was measured; `null` before the first and while there is none. */
  rtt_ms: number | null;
  /** Why it was lost, or could not be connected, last; empty if never. */
  last_error: string;
  /** Why there is nothing but its engine now, so that ports lead nowhere; absent where there is more. */
  limits?: string;
}

/** One published port. */
export interface ForwardStatus {
  /** The name of its remote host, if it has one. */
  host?: string;
  /** `127.0.0.1:8080/tcp` */
  local: string;
  /** Where it leads, such as `web:80/tcp`. */
  target: string;
  state: string;
  connections: number;
}

/** One local port with all that is known of it. */
export interface ForwardDetails {
  /** The name of its remote host, if it has one. */
  readonly host?: string;
  /**
   * `bridge`: an address of the network bridge, which leads anywhere; `reverse`: a port of this
   * machine that containers reach at `remote`.
   */
  readonly kind: ForwardKind | "bridge" | "reverse";
  /** Name of the container; for a plain or a reverse forward, how it was written. */
  readonly container: string;
  readonly container_id: string;
  /** As `docker run -p` would have it, such as `127.0.0.1::80/tcp`. */
  readonly requested: string;
  /** Where it listens, such as `127.0.0.1:8080`. */
  readonly local: string;
  /** Where it listens as well: the same port of `[::1]`. */
  readonly local_twin?: string;
  /** Where it leads on the remote host; empty while it leads nowhere. */
  readonly remote: string;
  readonly protocol: string;
  /** `waiting`: for a guest, without which it leads nowhere. */
  readonly state: ForwardInfo["state"] | "waiting";
  readonly connections: { readonly open: number; readonly total: number };
  /** From local clients, and to them. */
  readonly bytes: { readonly sent: number; readonly received: number };
}

/** One synchronised folder. */
export interface SyncStatus {
  /** The name of its remote host, if it has one. */
  host?: string;
  local: string;
  remote: string;
  state: string;
  /** How far the remote side is behind, in seconds. */
  lag_seconds: number;
}

/** What the user may have done about synced folders. */
export type SyncControl = Pick<
  BindSync,
  "snapshot" | "conflicts" | "flush" | "pause" | "resume" | "restore" | "prune"
>;

/** What a gateway has counted of one host. */
export interface HostCounts {
  /** Of clients, now. */
  connections: number;
  /** Requests, by the class of their status. */
  readonly byClass: ReadonlyMap<string, number>;
  /** Bytes to clients. */
  sent: number;
}

/** What only a gateway counts. */
export interface GatewayCounts {
  /** By the reason; every reason is there. */
  readonly refusals: ReadonlyMap<string, number>;
  /** By their names; those that somebody has asked for. */
  readonly hosts: ReadonlyMap<string, HostCounts>;
}

/** See the file comment. All functions return at once except `refresh`. */
export interface OpsSource {
  /** Which command it is, such as `start`. */
  readonly command: string;
  readonly version: string;
  readonly metrics: Counts;
  /** Where clients reach it. */
  listening(): readonly string[];
  /** Why clients cannot be served now; `undefined` when they can. */
  notReady(): string | undefined;
  hosts(): readonly HostStatus[];
  /** Of a gateway. */
  readonly gateway?: GatewayCounts;
  /** How many clients wait for their turn. */
  waiting?(): number;
  /** How many clients are served at a time; 0 for any number. */
  readonly maxConnections?: number;
  forwards?(): readonly ForwardStatus[];
  /** The same with all that is known of them. */
  forwardDetails?(): readonly ForwardDetails[];
  syncs?(): readonly SyncStatus[];
  /** The sync sessions, for what only their user may do; see `control.ts`. */
  sync?(): SyncControl | undefined;
  /** What has happened, for its user alone; see `event_stream.ts`. */
  readonly events?: EventLog;
  /** Brings what takes a round trip up to date, within a short time; never rejects. */
  refresh?(): Promise<void>;
}
