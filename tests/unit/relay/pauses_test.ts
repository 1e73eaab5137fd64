import { memoryPair } from "../../../lib/net/memory.ts";
import { boundPauses } from "../../../lib/relay/pauses.ts";
import { assertEquals } from "../../support/assert.ts";

Deno.test("without bounds the stream is the very same", () => {
  const [stream, other] = memoryPair();
  assertEquals(boundPauses(stream, {}, () => {}) === stream, true);
  other.close();
});

Deno.test("a stream that carries nothing is closed, with the reason told once", async () => {
  const [inner, peer] = memoryPair();
  const told: string[] = [];
  const stream = boundPauses(inner, { readMs: 20 }, (why) => told.push(why));
  await stream.closed;
  assertEquals(told, ["nothing has gone either way"]);
  peer.close();
});

Deno.test("a stream whose peer takes nothing is closed", async () => {
  const [inner, peer] = memoryPair();
  const told: string[] = [];
  const stream = boundPauses(inner, { writeMs: 20 }, (why) => told.push(why));
  const writing = (async () => {
    for (;;) await stream.write(new Uint8Array(65_536));
  })();
  await writing.catch(() => {}); // ends when the stream does
  assertEquals(told, ["a write came to a halt"]);
  peer.close();
});
