/** A gateway as the operations side sees it. */
import type { Gateway } from "../../gateway/gateway.ts";
import type { HostEnd } from "../../gateway/host.ts";
import type { GatewayMetrics } from "../metrics/gateway_metrics.ts";
import type { HostStatus, OpsSource } from "./source.ts";

/** See the file comment. */
export function gatewaySource(
  gateway: Gateway,
  { version, metrics }: { version: string; metrics: GatewayMetrics },
): OpsSource {
  return {
    command: "gateway",
    version,
    metrics,
    get maxConnections() {
      return gateway.maxConnections;
    },
    gateway: metrics,
    listening: () => [gateway.address],
    hosts: () => gateway.ends.map(statusOf),
    notReady: () => gateway.isEnding ? "The program is shutting down" : undefined,
  };
}

/** Requests dial, so nothing is ever on its way to be connected by itself. */
function statusOf(end: HostEnd): HostStatus {
  return {
    name: end.what === "engine" ? end.host : `${end.host} (guest)`,
    address: end.address,
    state: end.state,
    since: end.since.toISOString(),
    losses: 0,
    reconnects: 0,
    failed_attempts: end.failures,
    rtt_ms: null,
    last_error: end.lastError,
  };
}
