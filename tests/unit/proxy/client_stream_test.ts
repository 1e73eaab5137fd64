import { ReplyError } from "../../../lib/docker/error_reply.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { ClientStream } from "../../../lib/proxy/client_stream.ts";
import { type ClientLimits, UNLIMITED } from "../../../lib/proxy/limits.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import { bytes, say, text } from "../../support/duplex.ts";

/** Short enough to wait for, and long enough that nothing else takes as long. */
const SOON_MS = 20;
const LONG_MS = 600_000;

function streamOf(limits: Partial<ClientLimits>) {
  const [near, far] = memoryPair();
  const events: string[] = [];
  const counts = { received: 0, sent: 0 };
  const stream = new ClientStream(far, { ...UNLIMITED, ...limits }, {
    received: (n) => counts.received += n,
    sent: (n) => counts.sent += n,
    limited: (event) => events.push(event),
  });
  return { client: near, stream, events, counts };
}

Deno.test("bytes are counted both ways", async () => {
  const { client, stream, counts } = streamOf({});
  await say(client, "hello");
  assertEquals(text(await stream.read()), "hello");
  await stream.write(bytes("hi"));
  assertEquals(counts, { received: 5, sent: 2 });
  stream.close();
});

Deno.test("a connection that asks for nothing is closed after the idle timeout", async () => {
  const { stream, events } = streamOf({ idleMs: SOON_MS, readMs: LONG_MS });
  stream.enter("idle");
  await assertRejects(() => stream.read());
  assertEquals(events, ["idle_timeout"]);
});

Deno.test("a head that does not come to its end is answered with 408", async () => {
  const { client, stream, events } = streamOf({ idleMs: LONG_MS, readMs: SOON_MS });
  stream.enter("idle");
  await say(client, "GET /");
  assertEquals(text(await stream.read()), "GET /");
  const error = await assertRejects(() => stream.read(), ReplyError, "The head of the request");
  assert(error instanceof ReplyError && error.status === 408);
  assertEquals(events, ["read_timeout"]);
  await say(client, "late");
  assertEquals(text(await stream.read()), "late", "the stream lives on for the reply");
  stream.close();
});

Deno.test("a body may take long as long as it goes on", async () => {
  const { client, stream, events } = streamOf({ readMs: SOON_MS * 50 });
  const part = "part".repeat(256);
  stream.enter("body");
  for (let i = 0; i < 4; i++) {
    const reading = stream.read();
    await new Promise((resolve) => setTimeout(resolve, SOON_MS * 2));
    await say(client, part);
    assertEquals(text(await reading), part);
  }
  await assertRejects(() => stream.read(), ReplyError, "The body of the request");
  assertEquals(events, ["read_timeout"]);
  stream.close();
});

Deno.test("a body that comes byte by byte is late, however many bytes come", async () => {
  const { client, stream, events } = streamOf({ readMs: SOON_MS * 5 });
  stream.enter("body");
  const trickle = setInterval(() => void client.write(bytes("x")), SOON_MS / 4);
  const readAll = async () => {
    while (await stream.read() !== null);
  };
  await assertRejects(readAll, ReplyError, "The body of the request");
  clearInterval(trickle);
  assertEquals(events, ["read_timeout"]);
  stream.close();
});

Deno.test("a body that nobody asks for is not late", async () => {
  const { client, stream, events } = streamOf({ readMs: SOON_MS });
  stream.enter("body");
  const reading = stream.read();
  await say(client, "part");
  await reading;
  await new Promise((resolve) => setTimeout(resolve, SOON_MS * 3));
  assertEquals(events, []);
  stream.close();
});

Deno.test("silence is nobody's fault while an answer is under way", async () => {
  const { client, stream, events } = streamOf({ idleMs: SOON_MS, readMs: SOON_MS });
  stream.enter("idle");
  stream.enter("free");
  const reading = stream.read();
  await new Promise((resolve) => setTimeout(resolve, SOON_MS * 3));
  await say(client, "stdin");
  assertEquals(text(await reading), "stdin");
  assertEquals(events, []);
  stream.close();
});

Deno.test("a client that takes nothing loses its connection after the write timeout", async () => {
  const { stream, events } = streamOf({ writeMs: SOON_MS });
  await assertRejects(async () => {
    for (;;) await stream.write(new Uint8Array(64 * 1024));
  });
  assertEquals(events, ["write_timeout"]);
});

Deno.test("writes that are taken are never late", async () => {
  const { client, stream, events } = streamOf({ writeMs: SOON_MS });
  for (let i = 0; i < 3; i++) {
    await stream.write(bytes("line\n"));
    await client.read();
    await new Promise((resolve) => setTimeout(resolve, SOON_MS * 2));
  }
  assertEquals(events, []);
  stream.close();
});
