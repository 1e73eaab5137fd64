/** Joining two streams: ends, errors, aborts and counts. */
import { memoryPair } from "../../../lib/net/memory.ts";
import { pipe } from "../../../lib/net/pipe.ts";
import { prefixed } from "../../../lib/net/prefixed.ts";
import { DuplexSource } from "../../../lib/net/source.ts";
import { assertEquals } from "../../support/assert.ts";
import { bytes, readAll, say, text } from "../../support/duplex.ts";

Deno.test("pipe passes an end on and keeps the other direction open", async () => {
  const [client, near] = memoryPair();
  const [far, server] = memoryPair();
  const done = pipe(near, far);
  await say(client, "ping");
  await client.closeWrite();
  assertEquals(await readAll(server), "ping");
  await say(server, "pong!");
  await server.closeWrite();
  assertEquals(await readAll(client), "pong!");
  assertEquals(await done, { sent: 4, received: 5 });
});

Deno.test("pipe closes both streams when one fails, and reports no error for a peer that left", async () => {
  const [client, near] = memoryPair();
  const [far, server] = memoryPair();
  const done = pipe(near, far);
  server.close();
  await client.read().catch(() => null);
  client.close();
  assertEquals((await done).error, undefined);
  await near.closed;
  await far.closed;
});

Deno.test("pipe ends at once when its signal aborts, before or after it starts", async () => {
  for (const early of [true, false]) {
    const [client, near] = memoryPair();
    const [far, server] = memoryPair();
    const abort = new AbortController();
    if (early) abort.abort();
    const done = pipe(near, far, { signal: abort.signal });
    abort.abort();
    await done;
    await near.closed;
    await far.closed;
    client.close();
    server.close();
  }
});

Deno.test("a released source gives back the piece it was reading ahead", async () => {
  const [peer, duplex] = memoryPair();
  const source = new DuplexSource(duplex);
  await say(peer, "one");
  assertEquals(text(await source.read()), "one");
  const waiting = source.read();
  const rest = source.release();
  assertEquals(await waiting, null);
  await say(peer, "two");
  await say(peer, "three");
  await peer.closeWrite();
  assertEquals(await readAll(prefixed(duplex, rest)), "twothree");
  peer.close();
});

Deno.test("prefixed yields what was sniffed before the stream itself", async () => {
  const [peer, duplex] = memoryPair();
  const pieces = [bytes("GET "), bytes(""), bytes("/ ")];
  const whole = prefixed(duplex, () => Promise.resolve(pieces.shift() ?? null));
  await say(peer, "HTTP/1.1");
  await peer.closeWrite();
  assertEquals(await readAll(whole), "GET / HTTP/1.1");
  peer.close();
});
