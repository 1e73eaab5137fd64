/** Asking the engine whether it is there. */
import { askPings, pingEngine } from "../../../lib/docker/client.ts";
import { AgentError } from "../../../lib/errors.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../../support/assert.ts";
import { readUntil, say } from "../../support/duplex.ts";

const OPTIONS = { timeoutMs: 60_000, where: "ssh://test" };

const ANSWERS: [name: string, answer: string, expected: string | undefined][] = [
  ["200", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", undefined],
  ["500", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "with status 500"],
  ["something else", "SSH-2.0-OpenSSH_9.2\r\n", "does not answer as Docker does"],
  ["nothing", "", "without an answer"],
];

for (const [name, answer, expected] of ANSWERS) {
  Deno.test(`an engine that answers with ${name} is ${expected ?? "there"}`, async () => {
    const [near, engine] = memoryPair();
    const asked = pingEngine(near, OPTIONS);
    assertStringIncludes(await readUntil(engine, "\r\n\r\n"), "GET /_ping HTTP/1.1");
    if (answer !== "") await say(engine, answer);
    await engine.closeWrite();
    if (expected === undefined) await asked;
    else await assertRejects(() => asked, AgentError, expected);
    await near.closed;
    engine.close();
  });
}

Deno.test("an engine that says nothing is given up in time", async () => {
  const [near, engine] = memoryPair();
  const asked = pingEngine(near, { ...OPTIONS, timeoutMs: 10 });
  await assertRejects(() => asked, AgentError, "did not answer within 0.01 s");
  engine.close();
});

Deno.test("both pings are asked one after the other and the stream stays open", async () => {
  const [near, engine] = memoryPair();
  const asked = askPings(near);
  assertStringIncludes(await readUntil(engine, "\r\n\r\n"), "HEAD /_ping");
  await say(engine, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
  assertStringIncludes(await readUntil(engine, "\r\n\r\n"), "GET /_ping");
  await say(engine, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
  await asked;
  await say(near, "more");
  assertEquals(await readUntil(engine, "more"), "more");
  near.close();
  engine.close();
});
