/** One client connection, byte by byte, against an engine that does what the test says. */
import { AgentError } from "../../../lib/errors.ts";
import { resume } from "../../../lib/intercept/resume/resume.ts";
import { configureLogging } from "../../../lib/log.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../../support/assert.ts";
import { bytes, readAll, readUntil, say, text } from "../../support/duplex.ts";
import { bench } from "../../support/engine.ts";

configureLogging({ level: "error", format: "text", write: () => {} });

const GET =
  "GET /v1.41/containers/json?all=1 HTTP/1.1\r\nHost: docker\r\nUser-Agent: Docker-Client\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]";

Deno.test("requests and responses pass byte for byte", async () => {
  const b = bench();
  const client = b.connect();
  const request = "POST /v1.41/containers/create?name=a HTTP/1.1\r\nhOsT:docker\r\nX-Twice: 1\r\n" +
    'X-Empty:\r\nX-Twice:  2 \r\nContent-Length: 5\r\n\r\n{"a"}';
  const response = "HTTP/1.1 201 Created\r\nserver:  Docker\r\nServer: twice\r\n" +
    "Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3;ext=1\r\nabc\r\n0\r\nX-T: 1\r\n\r\n";
  await say(client, request);
  const engine = await b.accept();
  assertEquals(await readUntil(engine, '{"a"}'), request);
  await say(engine, response);
  assertEquals(await readUntil(client, "X-T: 1\r\n\r\n"), response);
  await b.end();
});

Deno.test("one client connection carries many requests, over one engine connection", async () => {
  const b = bench();
  const client = b.connect();
  await say(client, GET);
  const engine = await b.accept();
  for (let i = 0; i < 3; i++) {
    assertEquals(await readUntil(engine, "\r\n\r\n"), GET);
    await say(engine, OK);
    assertEquals(await readUntil(client, "[]"), OK);
    if (i < 2) await say(client, GET);
  }
  await b.end();
});

Deno.test("pipelined requests are answered in order", async () => {
  const b = bench();
  const client = b.connect();
  await say(client, GET + GET.replace("containers", "images") + GET.replace("json", "third"));
  const engine = await b.accept();
  for (const [i, word] of ["containers", "images", "third"].entries()) {
    assertStringIncludes(await readUntil(engine, "\r\n\r\n"), word);
    await say(engine, `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${i}`);
  }
  let all = "";
  while (!all.endsWith("2")) all += text(await client.read());
  assertEquals(all.replaceAll(/HTTP.*\r\n.*\r\n\r\n/g, ""), "012");
  await b.end();
});

Deno.test("an engine connection is reused by the next client", async () => {
  const b = bench();
  const first = b.connect();
  await say(first, GET);
  const engine = await b.accept();
  await readUntil(engine, "\r\n\r\n");
  await say(engine, OK);
  await readUntil(first, "[]");
  await new Promise((resolve) => setTimeout(resolve));
  first.close();
  const opened = b.opened();
  const second = b.connect();
  await say(second, GET);
  assertEquals(await readUntil(engine, "\r\n\r\n"), GET);
  await say(engine, OK);
  assertEquals(await readUntil(second, "[]"), OK);
  assert(b.opened() <= opened + 1, "only a spare one may have been opened");
  await b.end();
});

Deno.test("an interim 100 reaches a client that waits for it before the body", async () => {
  const b = bench();
  const client = b.connect();
  await say(
    client,
    "PUT /v1.41/containers/a/archive?path=/ HTTP/1.1\r\nHost: d\r\n" +
      "Expect: 100-continue\r\nContent-Length: 4\r\n\r\n",
  );
  const engine = await b.accept();
  await readUntil(engine, "\r\n\r\n");
  await say(engine, "HTTP/1.1 100 Continue\r\n\r\n");
  assertEquals(await readUntil(client, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  await say(client, "data");
  assertEquals(await readUntil(engine, "data"), "data");
  await say(engine, OK);
  assertEquals(await readUntil(client, "[]"), OK);
  await b.end();
});

Deno.test("a refusal before the body reaches the client, and the connection ends", async () => {
  const b = bench();
  const client = b.connect();
  await say(
    client,
    "POST /v1.41/build HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\n" +
      "Content-Length: 1000000\r\n\r\n",
  );
  const engine = await b.accept();
  await readUntil(engine, "\r\n\r\n");
  const refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
  await say(engine, refusal);
  await engine.closeWrite();
  assertEquals(await readAll(client), refusal);
  await b.end();
});

Deno.test("a response without an end of its own is over when the engine closes", async () => {
  const b = bench();
  const client = b.connect();
  await say(client, GET);
  const engine = await b.accept();
  await readUntil(engine, "\r\n\r\n");
  await say(engine, "HTTP/1.1 200 OK\r\n\r\nsome");
  await readUntil(client, "some");
  await say(engine, "thing");
  engine.close();
  assertEquals(await readAll(client), "thing");
  await b.end();
});

Deno.test("what cannot be a next request does not cost this one its answer", async () => {
  const b = bench();
  const client = b.connect();
  await say(
    client,
    "POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}\0garbage\r\n\r\n",
  );
  const engine = await b.accept();
  await readUntil(engine, "{}");
  const answer = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
  await say(engine, answer);
  assertMatch(await readAll(client), /^HTTP\/1.1 201 Created\r\n.*\{\}HTTP\/1.1 400 /s);
  await b.end();
});

Deno.test("a head is forwarded the moment it is here", async () => {
  const b = bench();
  const client = b.connect();
  await say(
    client,
    "POST /v1.41/containers/a/wait HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n",
  );
  const engine = await b.accept();
  await readUntil(engine, "\r\n\r\n");
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  await say(engine, head);
  assertEquals(await readUntil(client, "\r\n\r\n"), head);
  await say(engine, "2\r\n{}\r\n0\r\n\r\n");
  assertEquals(await readUntil(client, "0\r\n\r\n"), "2\r\n{}\r\n0\r\n\r\n");
  await b.end();
});

const UPGRADE =
  "POST /v1.41/exec/x/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n" +
  "Content-Length: 2\r\n\r\n{}";
const SWITCHED = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
const HIJACKED = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";

for (
  const [name, request, head] of [
    ["an upgrade with a body", UPGRADE, SWITCHED],
    ["a hijack without 101", UPGRADE.replace(/Connection.*\r\nUpgrade.*\r\n/, ""), HIJACKED],
    [
      "an h2c upgrade",
      UPGRADE.replace("/exec/x/start", "/session").replace("tcp", "h2c"),
      SWITCHED,
    ],
  ] as const
) {
  Deno.test(`${name} becomes a plain two-way stream, early bytes included`, async () => {
    const b = bench();
    const client = b.connect();
    await say(client, request + "early\r\n\r\nGET bytes");
    const engine = await b.accept();
    await readUntil(engine, "{}");
    await say(engine, head + "greeting");
    assertEquals(await readUntil(client, "greeting"), head + "greeting");
    assertEquals(await readUntil(engine, "bytes"), "early\r\n\r\nGET bytes");
    await say(client, "more");
    assertEquals(await readUntil(engine, "more"), "more");
    await client.closeWrite();
    assertEquals(await engine.read(), null);
    await say(engine, "output after the end of input");
    await engine.closeWrite();
    assertEquals(await readAll(client), "output after the end of input");
    await b.end();
  });
}

Deno.test("a refused upgrade leaves the connection to HTTP", async () => {
  const b = bench();
  const client = b.connect();
  await say(client, UPGRADE);
  const engine = await b.accept();
  await readUntil(engine, "{}");
  const refusal = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}";
  await say(engine, refusal);
  assertEquals(await readUntil(client, "{}"), refusal);
  await say(client, GET);
  assertEquals(await readUntil(engine, "\r\n\r\n"), GET);
  await say(engine, OK);
  assertEquals(await readUntil(client, "[]"), OK);
  await b.end();
});

Deno.test("bytes that are not HTTP are relayed as they are", async () => {
  const b = bench();
  const client = b.connect();
  await client.write(Uint8Array.of(0x16, 0x03, 0x01, 0x00));
  const engine = await b.accept();
  assertEquals(await engine.read(), Uint8Array.of(0x16, 0x03, 0x01, 0x00));
  await say(engine, "\x15\x03\x01");
  await engine.closeWrite();
  assertEquals(await readAll(client), "\x15\x03\x01");
  await b.end();
});

for (
  const [name, request, status] of [
    [
      "two lengths",
      "POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
      400,
    ],
    [
      "a length and chunks",
      "POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      400,
    ],
    ["a space before a colon", "GET /a HTTP/1.1\r\nHost : d\r\n\r\n", 400],
    ["a folded line", "GET /a HTTP/1.1\r\nHost: d\r\nX: 1\r\n 2\r\n\r\n", 400],
    [
      "a bad chunk",
      "POST /build HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      400,
    ],
  ] as const
) {
  Deno.test(`${name} is refused with ${status} in Docker's shape`, async () => {
    const b = bench();
    const client = b.connect();
    await say(client, request);
    const reply = await readAll(client);
    assertStringIncludes(reply, `HTTP/1.1 ${status} `);
    assertStringIncludes(reply, '{"message":"');
    assertStringIncludes(reply, "Connection: close\r\n");
    await b.end();
  });
}

Deno.test("a guard's refusal is the reply", async () => {
  const b = bench();
  const client = b.connect({ guard: () => ({ status: 403, message: "not you" }) });
  await say(client, GET);
  assertStringIncludes(await readAll(client), '{"message":"not you"}');
  assertEquals(b.opened(), 0);
  await b.end();
});

Deno.test("an unanswered GET is asked once more, then given up with 502", async () => {
  const b = bench({ warm: 0 });
  const client = b.connect();
  await say(client, GET);
  (await b.accept()).close();
  const second = await b.accept();
  assertEquals(await readUntil(second, "\r\n\r\n"), GET);
  await say(second, OK);
  assertEquals(await readUntil(client, "[]"), OK);
  await say(client, GET);
  for (let i = 0; i < 2; i++) (await b.accept()).close();
  assertStringIncludes(await readAll(client), "HTTP/1.1 502 Bad Gateway");
  await b.end();
});

Deno.test("a request that may have had an effect is not asked twice", async () => {
  const b = bench({ warm: 0 });
  const client = b.connect();
  await say(
    client,
    "POST /v1.41/containers/a/start HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n",
  );
  const engine = await b.accept();
  await readUntil(engine, "\r\n\r\n");
  engine.close();
  const reply = await readAll(client);
  assertStringIncludes(reply, "HTTP/1.1 502 Bad Gateway");
  assertStringIncludes(reply, "POST /v1.41/containers/a/start");
  assertEquals(b.opened(), 1);
  await b.end();
});

Deno.test("an answer that breaks off ends the client's connection and nothing is added", async () => {
  const b = bench();
  const client = b.connect();
  await say(client, GET);
  const engine = await b.accept();
  await readUntil(engine, "\r\n\r\n");
  await say(engine, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
  await readUntil(client, "part");
  engine.close();
  assertEquals(await readAll(client), "");
  await b.end();
});

Deno.test("an engine that does not speak HTTP is a 502", async () => {
  const b = bench();
  const client = b.connect();
  await say(client, GET);
  const engine = await b.accept();
  await readUntil(engine, "\r\n\r\n");
  await say(engine, "SSH-2.0-OpenSSH\r\n");
  assertStringIncludes(await readAll(client), "HTTP/1.1 502 Bad Gateway");
  await b.end();
});

Deno.test("no engine is a 503 with the cause and the hint, without a body for HEAD", async () => {
  const b = bench({ warm: 0 });
  b.failWith(new AgentError("engine", 'No socket "/run/x"', { hint: "start Docker" }));
  const client = b.connect();
  await say(client, GET);
  const reply = await readAll(client);
  assertStringIncludes(reply, "HTTP/1.1 503 Service Unavailable");
  assertStringIncludes(reply, 'No socket \\"/run/x\\"; start Docker');
  const second = b.connect();
  await say(second, "HEAD /_ping HTTP/1.1\r\nHost: d\r\n\r\n");
  assert((await readAll(second)).endsWith("\r\n\r\n"));
  await b.end();
});

Deno.test("the client's end during an answer ends the request at the engine", async () => {
  const b = bench();
  const client = b.connect();
  await say(client, "GET /v1.41/containers/a/logs?follow=1 HTTP/1.1\r\nHost: d\r\n\r\n");
  const engine = await b.accept();
  await readUntil(engine, "\r\n\r\n");
  await say(engine, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  await readUntil(client, "\r\n\r\n");
  client.close();
  await assertRejects(async () => {
    // The proxy half-closes for a half-closed client and drops the rest when writing fails.
    while (await engine.read() !== null);
    for (;;) await engine.write(bytes("1\r\nx\r\n"));
  });
  await b.end();
});

Deno.test("a client that half-closes still gets its answer", async () => {
  const b = bench();
  const client = b.connect();
  await say(client, GET);
  await client.closeWrite();
  const engine = await b.accept();
  assertEquals(await readAll(engine), GET);
  await say(engine, OK);
  assertEquals(await readAll(client), OK);
  await b.end();
});

Deno.test("shutdown ends idle clients at once and lets an exchange finish", async () => {
  const b = bench();
  const idle = b.connect();
  const busy = b.connect();
  await say(busy, GET);
  const engine = await b.accept();
  await readUntil(engine, "\r\n\r\n");
  const done = b.proxy.shutdown(60_000);
  assertEquals(await idle.read().catch(() => null), null);
  await say(engine, OK);
  assertEquals(await readUntil(busy, "[]"), OK);
  assertEquals(await busy.read().catch(() => null), null);
  await done;
  idle.close();
  busy.close();
});

Deno.test("raw mode relays and parses nothing", async () => {
  const b = bench({ mode: "raw" });
  const client = b.connect();
  await say(client, "GET / HTTP/9.9\r\nbad head\r\n\r\n");
  const engine = await b.accept();
  assertEquals(await readUntil(engine, "\r\n\r\n"), "GET / HTTP/9.9\r\nbad head\r\n\r\n");
  await client.closeWrite();
  assertEquals(await engine.read(), null);
  await say(engine, "anything");
  await engine.closeWrite();
  assertEquals(await readAll(client), "anything");
  await b.end();
});

Deno.test("an answer that is cut short goes on over another connection, and then the next request", async () => {
  const lost = new AgentError("lost", "Lost the connection");
  const b = bench({ interceptors: [resume(() => undefined)], warm: 0 });
  const client = b.connect();
  await say(client, "GET /v1.41/events HTTP/1.1\r\nHost: docker\r\n\r\n");
  const engine = await b.accept();
  assertStringIncludes(await readUntil(engine, "\r\n\r\n"), "GET /v1.41/events");
  const event = (id: number) =>
    `{"id":"${id}","timeNano":${1_700_000_000_000_000_000 + id * 1e6}}\n`;
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  await say(engine, head + chunk(event(1)) + chunk(event(2)).slice(0, 20));
  assertStringIncludes(await readUntil(client, `"id":"1"`), "200 OK");
  b.lose(engine, lost);
  const next = await b.accept();
  assertStringIncludes(await readUntil(next, "\r\n\r\n"), "since=1700000000.");
  await say(next, head + chunk(event(1)) + chunk(event(2)) + "0\r\n\r\n");
  const rest = await readUntil(client, "0\r\n\r\n");
  assertStringIncludes(rest, `"id":"2"`);
  assert(!rest.includes(`"id":"1"`));
  await say(client, GET);
  const third = await b.accept();
  assertEquals(await readUntil(third, "\r\n\r\n"), GET);
  await say(third, OK);
  assertEquals(await readUntil(client, "[]"), OK);
  await b.end();
});

Deno.test("a head and what came with it of the body are one write", async () => {
  const b = bench();
  const client = b.connect();
  await say(client, GET);
  const engine = await b.accept();
  assertEquals(text(await engine.read()), GET);
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n";
  await say(engine, chunked);
  assertEquals(text(await client.read()), chunked);
  await say(engine, "0\r\n\r\n");
  assertEquals(text(await client.read()), "0\r\n\r\n");
  await b.end();
});
