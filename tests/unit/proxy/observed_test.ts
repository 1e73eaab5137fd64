/** What a proxy counts, and whom it serves when there is no place. */
import { configureLogging } from "../../../lib/log.ts";
import { Metrics } from "../../../lib/ops/metrics/metrics.ts";
import { UNLIMITED } from "../../../lib/proxy/limits.ts";
import { assert, assertEquals, assertStringIncludes } from "../../support/assert.ts";
import { readAll, readUntil, say } from "../../support/duplex.ts";
import { bench } from "../../support/engine.ts";

configureLogging({ level: "error", format: "text", write: () => {} });

const GET = "GET /v1.41/containers/json HTTP/1.1\r\nHost: docker\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]";

Deno.test("connections, bytes and answers by operation are counted", async () => {
  const metrics = new Metrics();
  const b = bench({ observer: metrics });
  const client = b.connect();
  await say(client, GET);
  const engine = await b.accept();
  await readUntil(engine, "\r\n\r\n");
  assertEquals(metrics.connections, { active: 1, total: 1 });
  await say(engine, OK);
  await readUntil(client, "[]");
  await say(client, GET.replace("containers/json", "nobody/knows"));
  await readUntil(engine, "\r\n\r\n");
  await say(engine, OK.replace("200 OK", "404 Not Found"));
  await readUntil(client, "[]");
  assertEquals(
    [...metrics.operations].map(([name, { byClass }]) => [name, ...byClass]),
    [["ContainerList", ["2xx", 1]], ["Other", ["4xx", 1]]],
  );
  assertEquals(metrics.bytes.received, GET.length * 2 - "containers/json".length + 12);
  assertEquals(metrics.bytes.sent, OK.length * 2 + "404 Not Found".length - "200 OK".length);
  await b.end();
  assertEquals(metrics.connections, { active: 0, total: 1 });
  assertEquals(metrics.failures, { connection: 0, socket: 0 });
});

Deno.test("the proxy's own warming up is nobody's connection", async () => {
  const metrics = new Metrics();
  const b = bench({ observer: metrics });
  b.proxy.warmUp();
  const engine = await b.accept();
  await readUntil(engine, "\r\n\r\n");
  assertEquals(metrics.connections, { active: 0, total: 0 });
  await b.end();
});

Deno.test("errors are told apart by whose they are", async () => {
  const metrics = new Metrics();
  const b = bench({ warm: 0, observer: metrics });
  const bad = b.connect();
  await say(bad, "GET /a HTTP/1.1\r\nbad head\r\n\r\n");
  await readAll(bad);
  assertEquals(metrics.failures, { connection: 0, socket: 1 });
  const unlucky = b.connect();
  await say(unlucky, GET);
  for (let i = 0; i < 2; i++) (await b.accept()).close();
  await readAll(unlucky);
  assertEquals(metrics.failures, { connection: 1, socket: 1 });
  assertStringIncludes(metrics.lastError?.message ?? "", "was lost during GET");
  await b.end();
});

Deno.test("a further client waits, and comes in when one leaves", async () => {
  const metrics = new Metrics();
  const limits = { ...UNLIMITED, maxConnections: 1, queueMs: 600_000 };
  const b = bench({ observer: metrics, limits });
  const first = b.connect();
  await say(first, GET);
  const engine = await b.accept();
  await readUntil(engine, "\r\n\r\n");
  const second = b.connect();
  await say(second, GET);
  assertEquals([b.proxy.connections, b.proxy.waiting], [1, 1]);
  await say(engine, OK);
  await readUntil(first, "[]");
  first.close();
  assertEquals(await readUntil(engine, "\r\n\r\n"), GET);
  await say(engine, OK);
  assertEquals(await readUntil(second, "[]"), OK);
  assertEquals(metrics.limits.get("connection_waited"), 1);
  await b.end();
});

Deno.test("a client that waits in vain is told 503 in Docker's shape", async () => {
  const metrics = new Metrics();
  const b = bench({
    observer: metrics,
    limits: { ...UNLIMITED, maxConnections: 1, queueMs: 1 },
  });
  b.connect();
  const second = b.connect();
  await say(second, GET);
  const reply = await readAll(second);
  assertStringIncludes(reply, "HTTP/1.1 503 Service Unavailable\r\n");
  assertStringIncludes(
    reply,
    '{"message":"All 1 connections are in use (--max-connections)"}',
  );
  assertEquals(metrics.limits.get("connection_refused"), 1);
  assertEquals(metrics.connections.total, 1);
  await b.end();
});

Deno.test("a body that comes to a halt is a 408, and the engine is let go", async () => {
  const metrics = new Metrics();
  const b = bench({ observer: metrics, limits: { ...UNLIMITED, readMs: 200 } });
  const client = b.connect();
  await say(client, "POST /v1.41/build HTTP/1.1\r\nHost: d\r\nContent-Length: 100\r\n\r\npart");
  const engine = await b.accept();
  await readUntil(engine, "part");
  const reply = await readAll(client);
  assertStringIncludes(reply, "HTTP/1.1 408 Request Timeout\r\n");
  assertStringIncludes(reply, "The body of the request did not arrive within 0.2 s");
  assertEquals(await engine.read().catch(() => null), null);
  assertEquals(metrics.limits.get("read_timeout"), 1);
  await b.end();
});

Deno.test("timeouts leave answers and hijacked streams alone, however quiet they are", async () => {
  const metrics = new Metrics();
  const limits = { ...UNLIMITED, readMs: 300, idleMs: 300, writeMs: 300 };
  const b = bench({ observer: metrics, limits });
  const logs = b.connect();
  await say(logs, "GET /v1.41/containers/a/logs?follow=1 HTTP/1.1\r\nHost: d\r\n\r\n");
  const engine = await b.accept();
  await readUntil(engine, "\r\n\r\n");
  await say(engine, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  await readUntil(logs, "\r\n\r\n");

  const attach = b.connect();
  await say(
    attach,
    "POST /v1.41/containers/a/attach HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\n" +
      "Upgrade: tcp\r\nContent-Length: 0\r\n\r\n",
  );
  const raw = await b.accept();
  await readUntil(raw, "\r\n\r\n");
  await say(raw, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
  await readUntil(attach, "\r\n\r\n");

  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await say(engine, "3\r\nabc\r\n");
  assertEquals(await readUntil(logs, "abc\r\n"), "3\r\nabc\r\n");
  await say(raw, "out");
  assertEquals(await readUntil(attach, "out"), "out");
  await say(attach, "in");
  assertEquals(await readUntil(raw, "in"), "in");
  assert([...metrics.limits.values()].every((count) => count === 0));
  await b.end();
});
