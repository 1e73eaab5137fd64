/** The bodies of `/health`, `/ready` and `/metrics` as JSON, field by field. Pure but for the clock. */
import { formatDuration } from "./duration.ts";
import type { OpsSource } from "./sources/source.ts";

/** More clients than this at a time, and the service counts as degraded. */
const DEGRADED_CONNECTIONS = 1000;

/** A status code and what goes with it. */
export interface Judgement<Body> {
  readonly status: 200 | 503;
  readonly body: Body;
}

/** Why the service is degraded; empty when it is healthy. */
export function problemsOf(source: OpsSource): string[] {
  const problems: string[] = [];
  const { active } = source.metrics.connections;
  if (active > DEGRADED_CONNECTIONS) problems.push(`${active} connections are active`);
  for (const host of source.hosts()) {
    if (host.state === "up" || host.state === "idle") continue;
    const why = host.last_error === "" ? "" : `: ${host.last_error}`;
    problems.push(`${host.name} is not connected${why}`);
  }
  const reason = source.notReady();
  if (problems.length === 0 && reason !== undefined) problems.push(reason);
  return problems;
}

/** `/health`: 200 when healthy, 503 when degraded. */
export function judgeHealth(source: OpsSource) {
  const { metrics } = source;
  const problems = problemsOf(source);
  const { active, total } = metrics.connections;
  const body = {
    status: problems.length === 0 ? "healthy" : "degraded",
    uptime: formatDuration(metrics.uptimeMs),
    active_connections: active,
    total_connections: total,
    error_count: errorCount(source),
    last_error: lastErrorOf(source),
    timestamp: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
    ...(problems.length === 0 ? {} : { problems }),
  };
  return { status: problems.length === 0 ? 200 : 503, body } satisfies Judgement<typeof body>;
}

/** `/ready`: 200 when clients can be served, 503 while they cannot. */
export function judgeReady(source: OpsSource) {
  const reason = source.notReady();
  return reason === undefined
    ? { status: 200, body: { status: "ready" } } as const
    : { status: 503, body: { status: "not ready", reason } } as const;
}

/** `/metrics`. */
export function metricsBody(source: OpsSource) {
  const { metrics } = source;
  const { active, total } = metrics.connections;
  return {
    total_connections: total,
    active_connections: active,
    waiting_connections: source.waiting?.() ?? 0,
    total_bytes_read: metrics.bytes.received,
    total_bytes_written: metrics.bytes.sent,
    total_errors: errorCount(source),
    connection_errors: connectionErrors(source),
    socket_errors: metrics.failures.socket,
    average_connection_duration: formatDuration(metrics.averageDurationMs),
    uptime: formatDuration(metrics.uptimeMs),
    limits: Object.fromEntries(metrics.limits),
  };
}

/** Requests that found no way to the engine, lost connections and failed attempts to connect. */
export function connectionErrors(source: OpsSource): number {
  const own = source.hosts().map(({ losses, failed_attempts }) => losses + failed_attempts);
  return source.metrics.failures.connection + own.reduce((sum, count) => sum + count, 0);
}

/** All that went wrong. */
export function errorCount(source: OpsSource): number {
  return connectionErrors(source) + source.metrics.failures.socket;
}

/** What is wrong with a host now, else the last thing that went wrong. */
export function lastErrorOf(source: OpsSource): string {
  const down = source.hosts().find(({ state, last_error }) =>
    state !== "up" && state !== "idle" && last_error !== ""
  );
  const past = source.hosts().find(({ last_error }) => last_error !== "");
  return down?.last_error ?? source.metrics.lastError?.message ?? past?.last_error ?? "";
}
