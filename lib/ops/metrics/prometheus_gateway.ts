/** What only a gateway counts, in the text format of Prometheus. */
import { Counter, Gauge } from "prom-client";
import type { GatewayCounts, HostCounts } from "../sources/source.ts";
import { add, type Registers, type Sample } from "./prometheus_sample.ts";

/** Adds the figures of a gateway. */
export function addGateway({ refusals, hosts }: GatewayCounts, registers: Registers): void {
  add(
    Counter,
    registers,
    "refused_total",
    "Connections and requests that were refused, by the reason",
    [...refusals].map(([reason, count]) => [count, { reason }]),
  );
  const each = (value: (counts: HostCounts) => number): Sample[] =>
    [...hosts].map(([host, counts]) => [value(counts), { host }]);
  add(
    Gauge,
    registers,
    "host_connections",
    "Connections of clients for a host",
    each(({ connections }) => connections),
  );
  add(Counter, registers, "host_sent_bytes_total", "Bytes to clients of a host", [
    ...each(({ sent }) => sent),
  ]);
  const requests = [...hosts].flatMap(([host, { byClass }]) =>
    [...byClass].map(([status, count]): Sample => [count, { host, status }])
  );
  add(
    Counter,
    registers,
    "host_requests_total",
    "Requests for a host, by the class of their status",
    requests,
  );
}
