import { bodyOf } from "../../../../lib/http/message.ts";
import { LostStreams } from "../../../../lib/intercept/resume/lost_streams.ts";
import { withOutput } from "../../../../lib/intercept/resume/missed_output.ts";
import { assertEquals, assertStringIncludes } from "../../../support/assert.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** What a client gets of an answer to `wait`. */
async function told(answer: string, condition: string, isCut: boolean): Promise<string> {
  const output = { isCut: () => isCut, whenHeard: () => Promise.resolve() };
  const body = withOutput(bodyOf(encode(answer)), { kind: "close" }, condition, output);
  let text = "";
  for (let piece = await body.read(); piece !== null; piece = await body.read()) {
    text += new TextDecoder().decode(piece.wire);
  }
  return text;
}

Deno.test("an exit with 0 whose output was cut off is an error for who reads the output", async () => {
  const well = '{"StatusCode":0}\n';
  for (const condition of ["next-exit", "removed"]) {
    const { StatusCode, Error } = JSON.parse(await told(well, condition, true));
    assertEquals(StatusCode, 0);
    assertStringIncludes(Error.Message, "not all of it has come");
    assertEquals(await told(well, condition, false), well);
    // Who gets another code knows that something went wrong.
    assertEquals(await told('{"StatusCode":3}\n', condition, true), '{"StatusCode":3}\n');
    const own = '{"Error":{"Message":"m"},"StatusCode":0}\n';
    assertEquals(await told(own, condition, true), own);
    assertEquals(await told("no JSON", condition, true), "no JSON");
  }
  assertEquals(await told(well, "", true), well);
  assertEquals(await told(well, "not-running", true), well);
});

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
  await Promise.resolve();
  assertEquals(closed, false);
  second();
  assertEquals(await whenOver, true);
  await streams.whenOver("a", 60_000);
  streams.begin("b");
  await streams.whenOver("b", 1);
});
