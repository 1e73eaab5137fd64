/** `_ping` without a round trip, and only as long as it is true. */
import { AgentError } from "../../../lib/errors.ts";
import { configureLogging } from "../../../lib/log.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import { assert, assertEquals, assertStringIncludes } from "../../support/assert.ts";
import { readAll, readUntil, say } from "../../support/duplex.ts";
import { type Bench, bench } from "../../support/engine.ts";

configureLogging({ level: "error", format: "text", write: () => {} });

const GET = "GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n";
const HEAD = GET.replace("GET", "HEAD");
const DATE = "Sat, 21 Nov 2026 00:00:00 GMT";
const ANSWER = (version: string, body = "OK") =>
  `HTTP/1.1 200 OK\r\nApi-Version: ${version}\r\nContent-Length: 2\r\nDate: ${DATE}\r\n\r\n${body}`;

async function ask(b: Bench, client: Duplex): Promise<Duplex> {
  await say(client, GET);
  const engine = await b.accept();
  assertEquals(await readUntil(engine, "\r\n\r\n"), GET);
  return engine;
}

/** A bench whose proxy has learned the answers; the engine's connection is idle afterwards. */
async function learned(): Promise<{ b: Bench; engine: Duplex }> {
  const b = bench({ warm: 1 });
  const client = b.connect();
  const engine = await ask(b, client);
  await say(engine, ANSWER("1.41"));
  await readUntil(client, "OK");
  await say(client, HEAD);
  await readUntil(engine, "\r\n\r\n");
  await say(engine, ANSWER("1.41", ""));
  await readUntil(client, "\r\n\r\n");
  return { b, engine };
}

Deno.test("a learned _ping is answered without the engine, for GET and for HEAD", async () => {
  const { b } = await learned();
  const client = b.connect();
  await say(client, GET);
  const reply = await readUntil(client, "OK");
  assertStringIncludes(reply, "Api-Version: 1.41\r\nContent-Length: 2\r\nDate: ");
  await say(client, HEAD);
  assert((await readUntil(client, "\r\n\r\n")).endsWith("\r\n\r\n"));
  await say(client, HEAD);
  assertStringIncludes(await readUntil(client, "\r\n\r\n"), "Api-Version: 1.41");
  await b.end();
});

Deno.test("once the engine's idle connections end, _ping tells the truth", async () => {
  const { b, engine } = await learned();
  engine.close();
  const spare = await b.accept();
  spare.close();
  await new Promise((resolve) => setTimeout(resolve));
  b.failWith(new AgentError("engine", "Docker is down"));
  const client = b.connect();
  await say(client, GET);
  assertStringIncludes(await readAll(client), "503 Service Unavailable");
  b.failWith(undefined);
  const again = b.connect();
  await say(again, GET);
  const restarted = await b.accept();
  await readUntil(restarted, "\r\n\r\n");
  await say(restarted, ANSWER("1.99"));
  assertStringIncludes(await readUntil(again, "OK"), "Api-Version: 1.99");
  await b.end();
});

for (
  const [name, request] of [
    ["a versioned path", GET.replace("/_ping", "/v1.12/_ping")],
    ["a query", GET.replace("/_ping", "/_ping?x=1")],
    ["HTTP/1.0", GET.replace("HTTP/1.1", "HTTP/1.0")],
    ["Connection: close", GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")],
    ["an expectation", GET.replace("\r\n\r\n", "\r\nExpect: nothing\r\n\r\n")],
    ["an upgrade", GET.replace("\r\n\r\n", "\r\nUpgrade: h2c\r\n\r\n")],
    ["a body", GET.replace("\r\n\r\n", "\r\nContent-Length: 1\r\n\r\nx")],
  ] as const
) {
  Deno.test(`_ping with ${name} is the engine's to answer`, async () => {
    const { b, engine } = await learned();
    const client = b.connect();
    await say(client, request);
    assertEquals(await readUntil(engine, request.slice(-4)), request);
    await say(engine, ANSWER("1.41"));
    await readUntil(client, "OK");
    await b.end();
  });
}

Deno.test("an answer that is not 200 is passed on and forgotten", async () => {
  const b = bench({ warm: 1 });
  const client = b.connect();
  const engine = await ask(b, client);
  await say(engine, "HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno");
  assertStringIncludes(await readUntil(client, "no"), "500 Oops");
  await say(client, GET);
  assertEquals(await readUntil(engine, "\r\n\r\n"), GET);
  await b.end();
});
