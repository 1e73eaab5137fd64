/** Bodies that are looked at before the engine gets them. */
import type { Interceptor } from "../../../lib/docker/exchange.ts";
import { isObject } from "../../../lib/docker/json_body.ts";
import { replaceJson, takeJson } from "../../../lib/docker/request_body.ts";
import { configureLogging } from "../../../lib/log.ts";
import { assertEquals, assertStringIncludes } from "../../support/assert.ts";
import { readAll, readUntil, say } from "../../support/duplex.ts";
import { bench } from "../../support/engine.ts";

configureLogging({ level: "error", format: "text", write: () => {} });

const LIMIT = 100;
const HEAD = "POST /v1.41/containers/create HTTP/1.1\r\nhost:d\r\nX:  spaced \r\n";
const OK = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";

/** Looks at every body, and edits those that ask for it. */
const look: Interceptor = async (exchange, next) => {
  const body = await takeJson(exchange, LIMIT);
  if (isObject(body) && body["edit"] === true) replaceJson(exchange, { edited: true });
  return await next();
};

const PASSED: [name: string, request: string, sent: string][] = [
  [
    "unchanged and counted: byte for byte",
    `${HEAD}Content-Length: 7\r\n\r\n{"a":1}`,
    `${HEAD}Content-Length: 7\r\n\r\n{"a":1}`,
  ],
  [
    "unchanged and chunked: counted",
    `${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n`,
    'POST /v1.41/containers/create HTTP/1.1\r\nhost: d\r\nX: spaced\r\nContent-Length: 7\r\n\r\n{"a":1}',
  ],
  [
    "empty: the engine's to judge",
    `${HEAD}Content-Length: 0\r\n\r\n`,
    `${HEAD}Content-Length: 0\r\n\r\n`,
  ],
  [
    "changed: framed anew",
    `${HEAD}Content-Length: 13\r\n\r\n{"edit":true}`,
    'POST /v1.41/containers/create HTTP/1.1\r\nhost: d\r\nX: spaced\r\nContent-Length: 15\r\n\r\n{"edited":true}',
  ],
];

for (const [name, request, sent] of PASSED) {
  Deno.test(`a body that is ${name}`, async () => {
    const b = bench({ interceptors: [look] });
    const client = b.connect();
    await say(client, request);
    const engine = await b.accept();
    assertEquals(await readUntil(engine, sent.slice(-7)), sent);
    await say(engine, OK);
    assertEquals(await readUntil(client, "{}"), OK);
    await b.end();
  });
}

Deno.test("a client that waits for 100 Continue gets it, and the engine is not asked for it", async () => {
  const b = bench({ interceptors: [look] });
  const client = b.connect();
  await say(client, `${HEAD}Expect: 100-continue\r\nContent-Length: 7\r\n\r\n`);
  assertEquals(await readUntil(client, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  await say(client, '{"a":1}');
  const engine = await b.accept();
  const sent = await readUntil(engine, '{"a":1}');
  assertEquals(sent.includes("Expect"), false, sent);
  await say(engine, OK);
  assertEquals(await readUntil(client, "{}"), OK);
  await b.end();
});

for (
  const [name, length, body, status] of [
    ["is not JSON", 1, "{", 400],
    ["names a member twice", 13, '{"a":1,"a":2}', 400],
    ["is too long", LIMIT + 1, " ".repeat(LIMIT + 1), 413],
  ] as const
) {
  Deno.test(`a body that ${name} is refused with ${status}`, async () => {
    const b = bench({ interceptors: [look] });
    const client = b.connect();
    await say(client, `${HEAD}Content-Length: ${length}\r\n\r\n${body}`);
    const reply = await readAll(client);
    assertStringIncludes(reply, `HTTP/1.1 ${status} `);
    assertStringIncludes(reply, '{"message":"');
    assertEquals(b.opened(), 0);
    await b.end();
  });
}
