/**
 * The metrics in the text format of Prometheus. The library is loaded with the first scrape; its
 * registry is made anew for each from what has been counted, so that nothing is counted twice.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { connectionErrors } from "../health.ts";
import { addGateway } from "./prometheus_gateway.ts";
import { add, type Registers, type Sample } from "./prometheus_sample.ts";
import { BUCKETS, type Histogram as Counted } from "./histogram.ts";
import type { OpsSource } from "../sources/source.ts";

/** The media type of {@link renderPrometheus}. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** See the file comment. */
export async function renderPrometheus(source: OpsSource): Promise<string> {
  const registers = [new Registry()];
  addProcess(source, registers);
  addClients(source, registers);
  addOperations(source, registers);
  addHosts(source, registers);
  addPaths(source, registers);
  addBridges(source, registers);
  if (source.gateway !== undefined) addGateway(source.gateway, registers);
  return await registers[0]!.metrics();
}

function addProcess({ command, version, metrics }: OpsSource, registers: Registers): void {
  add(Gauge, registers, "build_info", "The running program", [[1, { command, version }]]);
  add(Gauge, registers, "start_time_seconds", "When the command began, as a Unix time", [
    [metrics.started.getTime() / 1000],
  ]);
  add(Gauge, registers, "resident_memory_bytes", "Resident memory of the process", [
    [Deno.memoryUsage().rss],
  ]);
}

function addClients(source: OpsSource, registers: Registers): void {
  const { metrics } = source;
  const { active, total } = metrics.connections;
  const { received, sent } = metrics.bytes;
  add(Counter, registers, "connections_total", "Client connections served", [[total]]);
  add(Gauge, registers, "connections_active", "Client connections being served", [[active]]);
  add(Gauge, registers, "connections_waiting", "Clients that wait for their turn", [
    [source.waiting?.() ?? 0],
  ]);
  add(Gauge, registers, "connections_limit", "Connections served at a time; 0 for any number", [
    [source.maxConnections ?? 0],
  ]);
  add(Counter, registers, "received_bytes_total", "Bytes from clients", [[received]]);
  add(Counter, registers, "sent_bytes_total", "Bytes to clients", [[sent]]);
  add(
    Counter,
    registers,
    "limit_events_total",
    "How often a limit took effect",
    [
      ...metrics.limits,
    ].map(([event, count]) => [count, { event }]),
  );
  add(Counter, registers, "errors_total", "What went wrong, by which side of the program", [
    [connectionErrors(source), { kind: "connection" }],
    [metrics.failures.socket, { kind: "socket" }],
  ]);
}

function addOperations({ metrics }: OpsSource, registers: Registers): void {
  const operations = [...metrics.operations];
  new Snapshot("rda_request_duration_seconds", operations, registers);
  const samples = operations.flatMap(([operation, { byClass }]) =>
    [...byClass].map(([status, count]): Sample => [count, { operation, status }])
  );
  add(Counter, registers, "responses_total", "Answers, by the class of their status", samples);
}

function addHosts(source: OpsSource, registers: Registers): void {
  const hosts = source.hosts();
  const each = (value: (host: typeof hosts[number]) => number): Sample[] =>
    hosts.map((host) => [value(host), { host: host.name }]);
  add(
    Gauge,
    registers,
    "transport_up",
    "Whether the remote host is connected",
    each(({ state }) => Number(state === "up")),
  );
  add(
    Counter,
    registers,
    "transport_reconnects_total",
    "Connections made again after the first one",
    each((host) => host.reconnects),
  );
  add(
    Counter,
    registers,
    "transport_failed_attempts_total",
    "Attempts to connect that failed",
    each((host) => host.failed_attempts),
  );
  const measured = hosts.filter((host) => host.rtt_ms !== null);
  add(
    Gauge,
    registers,
    "transport_rtt_seconds",
    "The last round trip that was measured",
    measured.map((host) => [(host.rtt_ms ?? 0) / 1000, { host: host.name }]),
  );
}

function addPaths(source: OpsSource, registers: Registers): void {
  const forwards = source.forwards?.() ?? [];
  add(Gauge, registers, "forwards", "Published ports that are forwarded", [[forwards.length]]);
  const connections = forwards.reduce((sum, { connections }) => sum + connections, 0);
  add(Gauge, registers, "forwards_connections", "Connections over forwarded ports", [[
    connections,
  ]]);
  const syncs = source.syncs?.() ?? [];
  add(Gauge, registers, "syncs", "Folders that are synchronised", [[syncs.length]]);
  const lags = syncs.map(({ local, lag_seconds }): Sample => [lag_seconds, { local }]);
  add(Gauge, registers, "sync_lag_seconds", "How far the remote side of a folder is behind", lags);
}

function addBridges(source: OpsSource, registers: Registers): void {
  const bridges = (source.forwardDetails?.() ?? []).filter(({ kind }) => kind === "bridge");
  const each = (value: (bridge: typeof bridges[number]) => number): Sample[] =>
    bridges.map((one) => [value(one), { proxy: one.container, local: one.local }]);
  const open = each(({ connections }) => connections.open);
  const total = each(({ connections }) => connections.total);
  add(Gauge, registers, "bridge_connections", "Connections over the network bridge", open);
  add(Counter, registers, "bridge_connections_total", "The same since it was opened", total);
  add(
    Counter,
    registers,
    "bridge_sent_bytes_total",
    "Bytes of clients of the network bridge",
    each(({ bytes }) => bytes.sent),
  );
  add(
    Counter,
    registers,
    "bridge_received_bytes_total",
    "Bytes to clients of the network bridge",
    each(({ bytes }) => bytes.received),
  );
}

/**
 * A histogram of the library's kind over what has been counted elsewhere. The registry asks a
 * histogram for its samples by the method `getForPromString`.
 */
class Snapshot extends Histogram<"operation"> {
  readonly #head: { name: string; help: string };
  readonly #counted: readonly (readonly [string, { latency: Counted }])[];

  constructor(
    name: string,
    counted: readonly (readonly [string, { latency: Counted }])[],
    registers: Registers,
  ) {
    const help = "From the head of a request to the head of its answer, by operation";
    super({ name, help, labelNames: ["operation"], buckets: [...BUCKETS], registers });
    this.#head = { name, help };
    this.#counted = counted;
  }

  getForPromString() {
    const values = this.#counted.flatMap(([operation, { latency }]) => {
      const sample = (suffix: string, value: number, le?: number | string) => ({
        metricName: `${this.#head.name}_${suffix}`,
        value,
        labels: { ...(le === undefined ? {} : { le }), operation },
      });
      const counts = latency.cumulative();
      return [
        ...BUCKETS.map((bound, at) => sample("bucket", counts[at] ?? 0, bound)),
        sample("bucket", latency.count, "+Inf"),
        sample("sum", latency.sum),
        sample("count", latency.count),
      ];
    });
    return { ...this.#head, type: "histogram", values };
  }
}
