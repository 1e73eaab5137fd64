import { AgentError } from "../../../lib/errors.ts";
import { HeaderList } from "../../../lib/http/head.ts";
import { configureLogging } from "../../../lib/log.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { askAll, askStatus } from "../../../lib/ops/ask.ts";
import { serveHttp } from "../../../lib/ops/http.ts";
import { Metrics } from "../../../lib/ops/metrics/metrics.ts";
import { pageReply } from "../../../lib/ops/page.ts";
import { announce, findPresences } from "../../../lib/ops/presence.ts";
import { renderPrometheus } from "../../../lib/ops/metrics/prometheus.ts";
import { guarded, opsHandler, prefersText } from "../../../lib/ops/routes.ts";
import type { ForwardDetails } from "../../../lib/ops/sources/source.ts";
import { startOpsServer } from "../../../lib/ops/server.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../../support/assert.ts";
import { readAll, readUntil, say } from "../../support/duplex.ts";
import { HOST, testSource } from "./source.ts";

configureLogging({ level: "error", format: "text", write: () => {} });

const LOOPBACK = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;

/** What a server over a stream answers to these bytes. */
async function ask(request: string, source = testSource()): Promise<string> {
  const [client, server] = memoryPair();
  const done = serveHttp(server, guarded(opsHandler(source)));
  await say(client, request);
  await client.closeWrite();
  const answer = await readAll(client);
  await done;
  return answer;
}

function get(path: string, ...headers: string[]): string {
  return [`GET ${path} HTTP/1.1`, "Host: localhost:20080", ...headers, "", ""].join("\r\n");
}

Deno.test("each path has its answer", async () => {
  for (
    const [path, part] of [
      ["/", "<!DOCTYPE html>"],
      ["/health", '"status": "healthy"'],
      ["/health?verbose=1", '"status": "healthy"'],
      ["/ready", '"status": "ready"'],
      ["/metrics", '"total_connections": 0'],
      ["/status", '"rtt_ms": 12.5'],
      ["http://localhost/status", '"rtt_ms": 12.5'],
    ]
  ) {
    const answer = await ask(get(path!));
    assertMatch(answer, /^HTTP\/1\.1 200 OK\r\n/, path);
    assertStringIncludes(answer, part!);
  }
  assertMatch(await ask(get("/nothing")), /^HTTP\/1\.1 404 Not Found\r\n[^]*\/health/);
});

Deno.test("one connection carries many requests, and HEAD has no body", async () => {
  const [client, server] = memoryPair();
  const done = serveHttp(server, opsHandler(testSource()));
  for (let i = 0; i < 3; i++) {
    await say(client, get("/ready"));
    assertStringIncludes(await readUntil(client, "}\n"), "200 OK");
  }
  await say(client, get("/health").replace("GET", "HEAD"));
  assert((await readUntil(client, "\r\n\r\n")).endsWith("\r\n\r\n"));
  await say(client, get("/ready", "Connection: close"));
  assertStringIncludes(await readAll(client), "Connection: close\r\n");
  await done;
});

Deno.test("anything but GET and HEAD is refused, and so is what is not HTTP", async () => {
  const post = "POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
  assertMatch(await ask(post), /^HTTP\/1\.1 405 Method Not Allowed\r\n[^]*Allow: GET, HEAD/);
  const body = get("/health", "Content-Length: 2") + "{}";
  assertMatch(await ask(body), /^HTTP\/1\.1 405/);
  assertMatch(await ask("GET / HTTP/1.1\r\nbad head\r\n\r\n"), /^HTTP\/1\.1 400 Bad Request/);
  assertEquals(await ask("\x16\x03\x01\x00"), "");
});

Deno.test("web pages other than our own are refused", async () => {
  for (
    const [headers, status] of [
      [["Sec-Fetch-Site: same-origin"], 200],
      [["Sec-Fetch-Site: none"], 200],
      [["Sec-Fetch-Site: cross-site"], 403],
      [["Sec-Fetch-Site: same-site"], 403],
      [["Origin: http://localhost:20080"], 403],
      [["Origin: https://evil.example"], 403],
    ] as const
  ) {
    assertMatch(
      await ask(get("/status", ...headers)),
      new RegExp(`^HTTP/1.1 ${status} `),
      headers[0],
    );
  }
  const rebound = get("/status").replace("localhost:20080", "evil.example");
  assertMatch(await ask(rebound), /^HTTP\/1\.1 403 Forbidden/);
});

Deno.test("a handler that fails is a 500 without its reason", async () => {
  const answer = await ask(
    get("/status"),
    testSource({
      hosts: () => {
        throw new Error("secret path");
      },
    }),
  );
  assertMatch(answer, /^HTTP\/1\.1 500 /);
  assert(!answer.includes("secret"));
});

Deno.test("text is for those who ask for it by name", () => {
  const table: [string | undefined, boolean][] = [
    [undefined, false],
    ["*/*", false],
    ["text/html,application/xhtml+xml,*/*;q=0.8", false],
    ["application/json", false],
    ["application/json, text/plain;q=0.9", false],
    ["text/plain;q=0", false],
    ["text/plain", true],
    ["text/plain;version=0.0.4;q=0.3,*/*;q=0.1", true],
    [
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;" +
      "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      true,
    ],
  ];
  for (const [accept, expected] of table) {
    const headers = new HeaderList(accept === undefined ? [] : [["Accept", accept]]);
    assertEquals(prefersText({ headers }), expected, accept);
  }
});

Deno.test("the text format has every metric, histograms by operation among them", async () => {
  const metrics = new Metrics();
  metrics.answered("ContainerList", 200, 7);
  metrics.received(10);
  metrics.limited("connection_waited");
  const forwards = [{
    local: "127.0.0.1:80/tcp",
    target: "web:80/tcp",
    state: "up",
    connections: 4,
  }];
  const syncs = [{ local: "/src", remote: "/tmp/x", state: "watching", lag_seconds: 1.5 }];
  const bridge: ForwardDetails = {
    kind: "bridge",
    container: "socks",
    container_id: "",
    requested: "127.0.0.1:1080",
    local: "127.0.0.1:1080",
    remote: "the network",
    protocol: "tcp",
    state: "live",
    connections: { open: 1, total: 7 },
    bytes: { sent: 5, received: 6 },
  };
  const source = testSource({
    metrics,
    forwards: () => forwards,
    forwardDetails: () => [bridge],
    syncs: () => syncs,
  });
  const answer = await ask(get("/metrics", "Accept: text/plain"), source);
  assertStringIncludes(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
  for (
    const line of [
      'rda_build_info{command="start",version="1.2.3"} 1',
      "rda_connections_limit 100",
      "rda_received_bytes_total 10",
      'rda_limit_events_total{event="connection_waited"} 1',
      'rda_limit_events_total{event="write_timeout"} 0',
      "# TYPE rda_request_duration_seconds histogram",
      'rda_request_duration_seconds_bucket{le="0.005",operation="ContainerList"} 0',
      'rda_request_duration_seconds_bucket{le="0.01",operation="ContainerList"} 1',
      'rda_request_duration_seconds_bucket{le="+Inf",operation="ContainerList"} 1',
      'rda_request_duration_seconds_sum{operation="ContainerList"} 0.007',
      'rda_request_duration_seconds_count{operation="ContainerList"} 1',
      'rda_responses_total{operation="ContainerList",status="2xx"} 1',
      'rda_transport_up{host="ssh://dev@gpu:22"} 1',
      'rda_transport_reconnects_total{host="ssh://dev@gpu:22"} 2',
      'rda_transport_rtt_seconds{host="ssh://dev@gpu:22"} 0.0125',
      "rda_forwards 1",
      "rda_forwards_connections 4",
      'rda_bridge_connections{proxy="socks",local="127.0.0.1:1080"} 1',
      'rda_bridge_connections_total{proxy="socks",local="127.0.0.1:1080"} 7',
      'rda_bridge_sent_bytes_total{proxy="socks",local="127.0.0.1:1080"} 5',
      'rda_bridge_received_bytes_total{proxy="socks",local="127.0.0.1:1080"} 6',
      'rda_sync_lag_seconds{local="/src"} 1.5',
    ]
  ) assertStringIncludes(answer, `${line}\n`);
  const bare = await renderPrometheus(testSource({ hosts: () => [] }));
  assert(!/^rda_(transport|bridge|sync_lag|responses)/m.test(bare), "samples of nothing");
  await renderPrometheus(source);
  assertStringIncludes(await renderPrometheus(source), "rda_received_bytes_total 10\n");
});

Deno.test("the page needs nothing from elsewhere and its policy names its own parts", () => {
  const { body, headers } = pageReply();
  assert(!/\b(src|href)="(?!data:)/.test(body), "a reference to another file");
  assert(!/https?:\/\/(?!www\.w3\.org\/2000\/svg)/.test(body), "another origin");
  assert(!/\son\w+=|\sstyle=|innerHTML|eval\(/.test(body), "what the policy forbids");
  const policy = headers?.["Content-Security-Policy"] ?? "";
  assertMatch(policy, /^default-src 'none'; script-src 'sha256-\S{44}'; style-src 'sha256-\S{44}'/);
  assert(!policy.includes("unsafe"));
});

Deno.test("a server listens on loopback only, and its address is free after it", async () => {
  const everywhere = { kind: "tcp", host: "0.0.0.0", port: 0 } as const;
  await assertRejects(
    () => startOpsServer(testSource(), { addresses: [LOOPBACK, everywhere] }),
    AgentError,
    "Refusing to listen",
  );
  const server = await startOpsServer(testSource(), { addresses: [LOOPBACK] });
  const response = await fetch(`${server.urls[0]}health`);
  assertEquals([response.status, (await response.json()).status], [200, "healthy"]);
  const conn = await Deno.connect({ port: Number(new URL(server.urls[0]!).port) });
  await server.close();
  assertEquals(await conn.read(new Uint8Array(1)).catch(() => null), null);
  conn.close();
  await assertRejects(() => fetch(server.urls[0]!));
});

Deno.test({
  name: "commands of one user find each other, and forget those that were killed",
  ignore: Deno.build.os === "windows",
  async fn() {
    const directory = `${await Deno.makeTempDir({ prefix: "rda-run-" })}/run`;
    try {
      assertEquals(await askAll([directory]), []);
      const server = await announce(directory, testSource({ hosts: () => [HOST] }));
      assert(server !== undefined);
      assertEquals(Deno.statSync(directory).mode! & 0o777, 0o700);
      assertEquals(Deno.statSync(`${directory}/${Deno.pid}.sock`).mode! & 0o777, 0o600);
      const [status] = await askAll([directory]);
      assertEquals([status?.pid, status?.hosts], [Deno.pid, [HOST]]);
      await server.close();
      assertEquals(await findPresences(directory), []);

      // What a killed process leaves: a socket nobody listens on.
      const dead = `${directory}/999999.sock`;
      const listener = Deno.listen({ transport: "unix", path: `${directory}/x` });
      Deno.renameSync(`${directory}/x`, dead);
      listener.close();
      assertEquals((await findPresences(directory)).length, 1);
      assertEquals(await askAll([directory]), []);
      assertEquals(await findPresences(directory), []);
    } finally {
      await Deno.remove(directory.slice(0, -4), { recursive: true });
    }
  },
});

Deno.test("what is not one of us is not taken for a status", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const answerOnce = async (body: string) => {
    const conn = await listener.accept();
    await conn.read(new Uint8Array(1024));
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;
    await conn.write(new TextEncoder().encode(head + body));
    conn.close();
  };
  const address = { ...LOOPBACK, port: listener.addr.port };
  const [, failure] = await Promise.all([
    answerOnce('{"hello": 1}'),
    assertRejects(() => askStatus(address), AgentError),
  ]);
  assertStringIncludes(failure.message, "it is of another version");
  listener.close();
});
