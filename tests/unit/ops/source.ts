/** A command that shows itself as a test says. */
import { Metrics } from "../../../lib/ops/metrics/metrics.ts";
import type { HostStatus, OpsSource } from "../../../lib/ops/sources/source.ts";

/** A host that is connected. */
export const HOST: HostStatus = {
  name: "ssh://dev@gpu:22",
  address: "ssh://dev@gpu:22",
  state: "up",
  since: "2025-01-16T10:30:00.000Z",
  losses: 2,
  reconnects: 2,
  failed_attempts: 1,
  rtt_ms: 12.5,
  last_error: "",
};

/** A healthy `start` unless `more` says otherwise. */
export function testSource(more: Partial<OpsSource> & { metrics?: Metrics } = {}) {
  const metrics = more.metrics ?? new Metrics();
  return {
    command: "start",
    version: "1.2.3",
    listening: () => ["tcp://127.0.0.1:2375"],
    hosts: () => [HOST],
    notReady: () => undefined,
    maxConnections: 100,
    ...more,
    metrics,
  } satisfies OpsSource;
}
