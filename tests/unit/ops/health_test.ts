import { formatDuration } from "../../../lib/ops/duration.ts";
import { judgeHealth, judgeReady, metricsBody } from "../../../lib/ops/health.ts";
import { BUCKETS, Histogram } from "../../../lib/ops/metrics/histogram.ts";
import { Metrics } from "../../../lib/ops/metrics/metrics.ts";
import { statusOf } from "../../../lib/ops/status.ts";
import { assert, assertEquals, assertMatch } from "../../support/assert.ts";
import { HOST, testSource } from "./source.ts";

Deno.test("durations are written as Go writes them", () => {
  const table: [number, string][] = [
    [0, "0s"],
    [-5, "0s"],
    [0.2, "1ms"],
    [250, "250ms"],
    [999.9, "999ms"],
    [1000, "1s"],
    [59_999, "59s"],
    [330_000, "5m30s"],
    [3_600_000, "1h0m0s"],
    [5_025_000, "1h23m45s"],
    [360_000_000, "100h0m0s"],
  ];
  for (const [ms, expected] of table) assertEquals(formatDuration(ms), expected, String(ms));
});

Deno.test("health has the fields of the earlier relay, in its order", () => {
  const metrics = new Metrics();
  metrics.clientConnected();
  metrics.clientConnected();
  metrics.clientLeft(1000);
  const { status, body } = judgeHealth(testSource({ metrics }));
  assertEquals(status, 200);
  const { uptime, timestamp, ...rest } = body;
  assertEquals(Object.keys(body), [
    "status",
    "uptime",
    "active_connections",
    "total_connections",
    "error_count",
    "last_error",
    "timestamp",
  ]);
  assertEquals(rest, {
    status: "healthy",
    active_connections: 1,
    total_connections: 2,
    error_count: 3,
    last_error: "",
  });
  assertMatch(uptime, /^\d+(ms|s)$/);
  assertMatch(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

Deno.test("more than 1000 connections, a lost host and a shutdown are degraded", () => {
  const metrics = new Metrics();
  for (let i = 0; i < 1000; i++) metrics.clientConnected();
  assertEquals(judgeHealth(testSource({ metrics })).status, 200);
  metrics.clientConnected();
  const crowded = judgeHealth(testSource({ metrics }));
  assertEquals([crowded.status, crowded.body.status], [503, "degraded"]);
  assertEquals(crowded.body.problems, ["1001 connections are active"]);

  const down = { ...HOST, state: "down" as const, last_error: "no route" };
  const lost = judgeHealth(testSource({ hosts: () => [down] }));
  assertEquals([lost.status, lost.body.last_error], [503, "no route"]);
  assertEquals(lost.body.problems, ["ssh://dev@gpu:22 is not connected: no route"]);

  const ending = testSource({ notReady: () => "The program is shutting down" });
  assertEquals(judgeHealth(ending).status, 503);
  assertEquals(judgeReady(ending), {
    status: 503,
    body: { status: "not ready", reason: "The program is shutting down" },
  });
  assertEquals(judgeReady(testSource()), { status: 200, body: { status: "ready" } });
});

Deno.test("metrics have the fields of the earlier relay", () => {
  const metrics = new Metrics();
  metrics.clientConnected();
  metrics.clientLeft(330_000);
  metrics.received(1_048_576);
  metrics.sent(524_288);
  metrics.failed("connection", "no engine");
  metrics.failed("socket", "reset");
  metrics.limited("read_timeout");
  const { uptime: _, limits, waiting_connections, ...rest } = metricsBody(
    testSource({ metrics, hosts: () => [], waiting: () => 3 }),
  );
  assertEquals(rest, {
    total_connections: 1,
    active_connections: 0,
    total_bytes_read: 1_048_576,
    total_bytes_written: 524_288,
    total_errors: 2,
    connection_errors: 1,
    socket_errors: 1,
    average_connection_duration: "5m30s",
  });
  assertEquals([waiting_connections, limits["read_timeout"]], [3, 1]);
});

Deno.test("the status counts operations, the busiest first", () => {
  const metrics = new Metrics();
  metrics.answered("ContainerList", 200, 10);
  for (let i = 0; i < 3; i++) metrics.answered("ContainerInspect", 404, 30);
  metrics.answered("ContainerInspect", 101, 30);
  metrics.failed("socket", "reset by the client");
  const { operations, errors, status } = statusOf(testSource({ metrics }));
  assertEquals(status, "healthy");
  assertEquals(operations.map(({ operation, count, errors }) => [operation, count, errors]), [
    ["ContainerInspect", 4, 3],
    ["ContainerList", 1, 0],
  ]);
  assertEquals(operations[1]!.average_ms, 10);
  assertEquals([errors.total, errors.last], [4, "reset by the client"]);
});

Deno.test("a histogram counts into cumulative buckets and estimates quantiles", () => {
  const histogram = new Histogram();
  assertEquals([histogram.quantile(0.5), histogram.count], [0, 0]);
  for (const seconds of [0.02, 0.02, 0.02, 0.02, 99]) histogram.observe(seconds);
  const counts = histogram.cumulative();
  assertEquals(counts[BUCKETS.indexOf(0.01)], 0);
  assertEquals(counts[BUCKETS.indexOf(0.025)], 4);
  assertEquals([counts.at(-1), histogram.count], [4, 5], "what is beyond the last bound");
  assert(histogram.quantile(0.5) > 0.01 && histogram.quantile(0.5) <= 0.025);
  assertEquals(histogram.quantile(1), 30);
  histogram.observe(0.025);
  assertEquals(histogram.cumulative()[BUCKETS.indexOf(0.025)], 5, "bounds are inclusive");
});
