/** The relay's commands as the operations side sees them: their own figures under the common names. */
import { formatHostPort } from "../../net/address.ts";
import type { RelayStats } from "../../relay/stats.ts";
import type { Supervisor } from "../../transport/supervisor.ts";
import { HostWatch } from "./host_watch.ts";
import type { Counts, OpsSource } from "./source.ts";

/** A running relay or relay server. */
export interface RelayFacts {
  readonly command: "relay" | "relay-server";
  readonly version: string;
  readonly listening: readonly string[];
  readonly maxConnections: number;
  readonly stats: RelayStats;
  /** The way to the server; a server has none. */
  readonly upstream?: {
    readonly supervisor: Supervisor;
    readonly host: string;
    readonly port: number;
  };
}

/** See the file comment. */
export function relaySource(facts: RelayFacts): OpsSource {
  const { command, version, listening, maxConnections, stats, upstream } = facts;
  const watch = upstream && new HostWatch(
    `ssh://${formatHostPort(upstream.host, upstream.port)}`,
    upstream.supervisor,
  );
  return {
    command,
    version,
    maxConnections,
    metrics: countsOf(stats),
    listening: () => listening,
    hosts: () => watch === undefined ? [] : [watch.status()],
    refresh: () => watch?.measure() ?? Promise.resolve(),
    notReady() {
      const host = watch?.status();
      return host === undefined || host.state === "up"
        ? undefined
        : `${host.name} is not connected`;
    },
  };
}

/** The relay does not look into what it carries, so there are no operations and no timeouts. */
function countsOf(stats: RelayStats): Counts {
  const { startedAt } = stats.snapshot();
  return {
    started: startedAt,
    get uptimeMs() {
      return stats.snapshot().uptimeMs;
    },
    get connections() {
      const { activeConnections, totalConnections } = stats.snapshot();
      return { active: activeConnections, total: totalConnections };
    },
    get averageDurationMs() {
      return stats.snapshot().averageDurationMs;
    },
    get bytes() {
      const { bytesRead, bytesWritten } = stats.snapshot();
      return { received: bytesRead, sent: bytesWritten };
    },
    get failures() {
      const { connectionErrors, socketErrors } = stats.snapshot();
      return { connection: connectionErrors, socket: socketErrors };
    },
    get lastError() {
      const { lastError } = stats.snapshot();
      return lastError === "" ? undefined : { message: lastError };
    },
    limits: new Map(),
    operations: new Map(),
  };
}
