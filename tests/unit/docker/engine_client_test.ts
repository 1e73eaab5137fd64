/** What the agent itself asks the engine, and how it follows events. */
import { EngineClient } from "../../../lib/docker/engine_client.ts";
import { type EngineEvent, watchEvents } from "../../../lib/docker/events.ts";
import { AgentError } from "../../../lib/errors.ts";
import { configureLogging } from "../../../lib/log.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../../support/assert.ts";
import { readUntil, say } from "../../support/duplex.ts";

configureLogging({ level: "error", format: "text", write: () => {} });

/** The far ends of the connections that are opened, in order. */
function connections() {
  const waiting: ((duplex: Duplex) => void)[] = [];
  const ready: Duplex[] = [];
  const opened = { count: 0 };
  return {
    opened,
    open(): Promise<Duplex> {
      const [near, far] = memoryPair();
      opened.count++;
      const taker = waiting.shift();
      if (taker) taker(far);
      else ready.push(far);
      return Promise.resolve(near);
    },
    accept(): Promise<Duplex> {
      const duplex = ready.shift();
      return duplex ? Promise.resolve(duplex) : new Promise((resolve) => waiting.push(resolve));
    },
  };
}

const answer = (body: string, status = "200 OK") =>
  `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

Deno.test("questions one after the other share a connection", async () => {
  const { open, accept, opened } = connections();
  const client = new EngineClient(open);
  const first = client.get("/containers/a/json");
  const engine = await accept();
  assertStringIncludes(await readUntil(engine, "\r\n\r\n"), "GET /containers/a/json HTTP/1.1\r\n");
  await say(engine, answer(`{"Id":"a"}`));
  assertEquals(await first, { status: 200, body: { Id: "a" } });
  const second = client.delete("/containers/a");
  await readUntil(engine, "\r\n\r\n");
  await say(engine, "HTTP/1.1 204 No Content\r\n\r\n");
  assertEquals(await second, { status: 204, body: null });
  assertEquals(opened.count, 1);
  client.close();
});

Deno.test("a kept connection that has ended is replaced", async () => {
  const { open, accept, opened } = connections();
  const client = new EngineClient(open);
  const first = client.get("/a");
  const engine = await accept();
  await readUntil(engine, "\r\n\r\n");
  await say(engine, answer("1"));
  await first;
  engine.close();
  const second = client.get("/b");
  const other = await accept();
  await readUntil(other, "\r\n\r\n");
  await say(other, answer("2", "404 Not Found"));
  assertEquals(await second, { status: 404, body: 2 });
  assertEquals(opened.count, 2);
  client.close();
});

Deno.test("no answer is an error that says to what", async () => {
  const { open, accept } = connections();
  const client = new EngineClient(open);
  const lost = client.get("/containers/a/json?size=1");
  (await accept()).close();
  const error = await assertRejects(() => lost, AgentError, "GET /containers/a/json:");
  assertEquals((error as AgentError).kind, "lost");
  const gone = new AbortController();
  const given = client.get("/b", { signal: gone.signal });
  await readUntil(await accept(), "\r\n\r\n");
  gone.abort();
  await assertRejects(() => given, AgentError, "GET /b");
  client.close();
});

Deno.test("events are followed across connections, each told before its events", async () => {
  const { open, accept } = connections();
  const told: string[] = [];
  const stop = new AbortController();
  const second = Promise.withResolvers<void>();
  const watching = watchEvents({
    open,
    filters: { type: ["container"], event: ["start"] },
    onConnected: () => void told.push("connected"),
    onEvent(event: EngineEvent) {
      told.push(`${event.action} ${event.id} ${event.attributes["name"]}`);
      if (event.id === "b") second.resolve();
    },
  }, stop.signal);
  const event = (id: string) =>
    JSON.stringify({
      Type: "container",
      Action: "start",
      Actor: { ID: id, Attributes: { name: "web" } },
    }) + "\n";
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  const engine = await accept();
  const asked = await readUntil(engine, "\r\n\r\n");
  assertStringIncludes(decodeURIComponent(asked), `{"type":["container"],"event":["start"]}`);
  await say(engine, head + chunk(event("a").slice(0, 20)) + chunk(event("a").slice(20)));
  await say(engine, chunk(`{"status":"pull"}\n`));
  engine.close();
  const again = await accept();
  await readUntil(again, "\r\n\r\n");
  await say(again, head + chunk(event("b")));
  await second.promise;
  stop.abort();
  await watching;
  assertEquals(told, ["connected", "start a web", "connected", "start b web"]);
});
