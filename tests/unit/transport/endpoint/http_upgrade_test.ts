import { AgentError } from "../../../../lib/errors.ts";
import { memoryPair } from "../../../../lib/net/memory.ts";
import { upgrade, UpgradeRefused } from "../../../../lib/transport/endpoint/http_upgrade.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { bytes, readUntil, say, text } from "../../../support/duplex.ts";

const REQUEST = { method: "POST", path: "/tinyscale/v1/x", host: "guest:1" } as const;

Deno.test("a stream that is upgraded begins right after the head, whoever was faster", async () => {
  const [client, server] = memoryPair();
  const opening = upgrade(client, { ...REQUEST, headers: [["X-A", "b"]], body: bytes("{}") });
  const request = await readUntil(server, "{}");
  assertEquals(
    request,
    "POST /tinyscale/v1/x HTTP/1.1\r\nHost: guest:1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n" +
      "X-A: b\r\nContent-Length: 2\r\n\r\n{}",
  );
  await say(server, "HTTP/1.1 101 UPGRADED\r\nX-Exec-Stream: framed-v1\r\n\r\nearly");
  const { duplex, headers } = await opening;
  assertEquals(headers.get("x-exec-stream"), "framed-v1");
  assertEquals(text(await duplex.read()), "early");
  await say(server, "late");
  assertEquals(text(await duplex.read()), "late");
  await say(duplex, "up");
  assertEquals(text(await server.read()), "up");
  await duplex.closeWrite();
  assertEquals(await server.read(), null);
  await say(server, "after the half-close");
  assertEquals(text(await duplex.read()), "after the half-close");
  await server.closeWrite();
  assertEquals(await duplex.read(), null);
  duplex.close();
  server.close();
});

const REFUSALS: readonly [status: number, body: string, kind: string, message: string][] = [
  [401, '{"message":"wrong token"}', "authentication", "wrong token"],
  [502, '{"message":"dial tcp 127.0.0.1:1: refused"}', "engine", "dial tcp 127.0.0.1:1: refused"],
  [503, "<html><b>too \r\n much</b></html>", "engine", "too much"],
  [
    426,
    '{"message":"ask for an upgrade"}',
    "engine",
    'The request for "/tinyscale/v1/x" has lost its Upgrade on the way to the server',
  ],
  [200, "", "engine", 'The server refused "/tinyscale/v1/x" with status 200 Word'],
];

function answerOf(status: number, body: string): string {
  return `HTTP/1.1 ${status} Word\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

for (const [status, body, kind, message] of REFUSALS) {
  Deno.test(`a refusal has the server's words: ${status}`, async () => {
    const [client, server] = memoryPair();
    const opening = assertRejects(() => upgrade(client, REQUEST), UpgradeRefused, message);
    await readUntil(server, "\r\n\r\n");
    await say(server, answerOf(status, body));
    const error = await opening;
    assert(error instanceof UpgradeRefused);
    assertEquals([error.status, error.kind, error.message], [status, kind, message]);
    await client.closed;
    server.close();
  });
}

Deno.test("a refusal is read even if the request could not be sent to its end", async () => {
  const [client, server] = memoryPair();
  const body = new Uint8Array(1_000_000);
  const opening = assertRejects(() => upgrade(client, { ...REQUEST, body }), UpgradeRefused);
  await readUntil(server, "\r\n\r\n");
  await say(server, answerOf(413, '{"message":"too big"}'));
  assertEquals((await opening).message, "too big");
  server.close();
});

Deno.test("a server that says nothing is given up on when it is no longer wanted", async () => {
  const [client, server] = memoryPair();
  const abort = new AbortController();
  const opening = assertRejects(
    () => upgrade(client, REQUEST, { signal: abort.signal }),
    AgentError,
    "it was no longer wanted",
  );
  await readUntil(server, "\r\n\r\n");
  abort.abort();
  assertEquals((await opening as AgentError).kind, "lost");
  await client.closed;
  server.close();
});

Deno.test("a server that ends the connection leaves an error that names the path", async () => {
  const [client, server] = memoryPair();
  const opening = assertRejects(() => upgrade(client, REQUEST), AgentError, "without an answer");
  await readUntil(server, "\r\n\r\n");
  server.close();
  assertEquals((await opening as AgentError).kind, "lost");
});
