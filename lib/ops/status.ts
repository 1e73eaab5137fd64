/** The whole picture at one moment, for `status`, the status page and whoever scripts against them. */
import { formatDuration } from "./duration.ts";
import { connectionErrors, errorCount, lastErrorOf, problemsOf } from "./health.ts";
import type { GatewayCounts, OpsSource } from "./sources/source.ts";

/** One operation of the Engine API that has been asked for. */
export interface OperationStatus {
  operation: string;
  count: number;
  /** Answers with a status of 400 or more. */
  errors: number;
  average_ms: number;
  p50_ms: number;
  p95_ms: number;
}

/** What `/status` answers. */
export type Status = ReturnType<typeof statusOf>;

/** See the file comment. */
export function statusOf(source: OpsSource) {
  const { metrics } = source;
  const problems = problemsOf(source);
  const { active, total } = metrics.connections;
  return {
    status: problems.length === 0 ? "healthy" : "degraded",
    problems,
    command: source.command,
    version: source.version,
    pid: Deno.pid,
    started: metrics.started.toISOString(),
    uptime: formatDuration(metrics.uptimeMs),
    listening: [...source.listening()],
    hosts: [...source.hosts()],
    connections: {
      active,
      total,
      waiting: source.waiting?.() ?? 0,
      limit: source.maxConnections ?? 0,
      average_duration: formatDuration(metrics.averageDurationMs),
    },
    bytes: { read: metrics.bytes.received, written: metrics.bytes.sent },
    operations: operationsOf(source),
    forwards: [...source.forwards?.() ?? []],
    syncs: [...source.syncs?.() ?? []],
    limits: Object.fromEntries(metrics.limits),
    ...(source.gateway === undefined ? {} : { gateway: gatewayOf(source.gateway) }),
    errors: {
      total: errorCount(source),
      connection: connectionErrors(source),
      socket: metrics.failures.socket,
      last: lastErrorOf(source),
      last_at: metrics.lastError?.at?.toISOString() ?? "",
    },
  };
}

function gatewayOf({ refusals, hosts }: GatewayCounts) {
  const own = [...hosts].map(([name, { connections, byClass, sent }]) =>
    [name, { connections, responses: Object.fromEntries(byClass), bytes_written: sent }] as const
  );
  return { refused: Object.fromEntries(refusals), hosts: Object.fromEntries(own) };
}

/** The busiest first. */
function operationsOf(source: OpsSource): OperationStatus[] {
  const list = [...source.metrics.operations].map(([operation, { latency, byClass }]) => ({
    operation,
    count: latency.count,
    errors: (byClass.get("4xx") ?? 0) + (byClass.get("5xx") ?? 0),
    average_ms: inMs(latency.count === 0 ? 0 : latency.sum / latency.count),
    p50_ms: inMs(latency.quantile(0.5)),
    p95_ms: inMs(latency.quantile(0.95)),
  }));
  return list.sort((a, b) => b.count - a.count);
}

function inMs(seconds: number): number {
  return Math.round(seconds * 100_000) / 100;
}
