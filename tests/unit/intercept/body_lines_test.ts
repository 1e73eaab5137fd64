/** Editing a stream of lines while it passes. */
import { type Body, bodyOf } from "../../../lib/http/message.ts";
import { LineSplitter, MAX_LINE_BYTES } from "../../../lib/docker/json_lines.ts";
import { mapLines } from "../../../lib/intercept/body_lines.ts";
import { assertEquals, assertRejects, assertThrows } from "../../support/assert.ts";
import { bytes, text } from "../../support/duplex.ts";

function bodyIn(pieces: string[]): Body {
  const left = pieces.map((piece) => bytes(piece));
  return {
    read() {
      const data = left.shift();
      return Promise.resolve(data === undefined ? null : { wire: data, data: [data] });
    },
  };
}

const louder = (line: Uint8Array) => bytes(text(line).toUpperCase());

async function wireOf(body: Body): Promise<string[]> {
  const all: string[] = [];
  for (let piece = await body.read(); piece; piece = await body.read()) all.push(text(piece.wire));
  return all;
}

Deno.test("each line goes on as soon as it is whole", async () => {
  const pieces = ["ab", "c\nd\ne", "f\n", "rest"];
  assertEquals(await wireOf(mapLines(bodyIn(pieces), { kind: "close" }, louder)), [
    "ABC\nD\n",
    "EF\n",
    "REST",
  ]);
});

Deno.test("a chunked body stays one", async () => {
  const chunked = { kind: "chunked" } as const;
  assertEquals(await wireOf(mapLines(bodyIn(["a\n", "b"]), chunked, louder)), [
    "2\r\nA\n\r\n",
    "1\r\nB\r\n0\r\n\r\n",
  ]);
  assertEquals(await wireOf(mapLines(bodyOf(bytes("a\n")), chunked, louder)), [
    "2\r\nA\n\r\n",
    "0\r\n\r\n",
  ]);
});

Deno.test("a line without an end is not gathered for ever", async () => {
  const splitter = new LineSplitter();
  assertThrows(() => splitter.push(new Uint8Array(MAX_LINE_BYTES + 1)), Error, "more than");
  const body = mapLines(bodyOf(new Uint8Array(MAX_LINE_BYTES + 1)), { kind: "close" }, louder);
  await assertRejects(() => body.read(), Error, "more than");
});
