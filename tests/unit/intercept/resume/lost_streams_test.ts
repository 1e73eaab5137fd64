import { LostStreams } from "../../../../lib/intercept/resume/lost_streams.ts";
import { assertEquals } from "../../../support/assert.ts";

Deno.test("the end of a stream is known until the next one of the same begins", async () => {
  const connection = {};
  const streams = new LostStreams(() => connection);
  streams.note("a");
  assertEquals([streams.has("a"), streams.endOf("a")], [false, undefined]);
  streams.end("a", "seeming");
  assertEquals([streams.has("a"), streams.endOf("a")], [false, "seeming"]);
  streams.end("a", "cut");
  assertEquals([streams.has("a"), streams.endOf("a")], [true, "cut"]);
  streams.note("a");
  assertEquals([streams.has("a"), streams.endOf("a")], [false, undefined]);

  const [first, second] = [streams.begin("a"), streams.begin("a")];
  let closed = false;
  const whenOver = streams.whenOver("a", 60_000).then(() => closed = true);
  first();
  first();
  // More turns than all the promises on the way take.
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  assertEquals(closed, false);
  second();
  assertEquals(await whenOver, true);
  await streams.whenOver("a", 60_000);
  streams.begin("b");
  await streams.whenOver("b", 1);
});

Deno.test("a stream is lost with its connection, until that is told or long ago", () => {
  let connection: object | undefined = {};
  const streams = new LostStreams(() => connection);
  streams.note("a");
  streams.note("b");
  assertEquals([streams.has("a"), streams.has("b"), streams.has("c")], [false, false, false]);
  connection = undefined;
  assertEquals([streams.has("a"), streams.has("c")], [true, false]);
  // Without a connection there is nothing that could be lost.
  streams.note("c");
  connection = {};
  assertEquals([streams.has("a"), streams.has("b"), streams.has("c")], [true, true, false]);
  streams.forget("a");
  streams.note("b");
  assertEquals([streams.has("a"), streams.has("b")], [false, false]);
  streams.note("old");
  for (let later = 0; later < 3; later++) {
    connection = {};
    streams.note(`later ${later}`);
    assertEquals(streams.has("old"), true);
  }
  connection = {};
  streams.note("newest");
  assertEquals(streams.has("old"), false);
});

Deno.test("of many ends the oldest are forgotten", () => {
  const streams = new LostStreams(() => undefined);
  for (let id = 0; id < 1024; id++) streams.end(`${id}`, "cut");
  streams.end("0", "seeming");
  assertEquals([streams.endOf("0"), streams.endOf("1")], ["seeming", "cut"]);
  streams.end("one more", "cut");
  assertEquals([streams.endOf("0"), streams.endOf("1"), streams.endOf("2")], [
    "seeming",
    undefined,
    "cut",
  ]);
});
