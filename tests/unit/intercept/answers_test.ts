import { isObject, type Json } from "../../../lib/docker/json_body.ts";
import { HeaderList } from "../../../lib/http/head.ts";
import {
  type Body,
  bodyOfPieces,
  collect,
  type ResponseMessage,
} from "../../../lib/http/message.ts";
import { editedAnswer } from "../../../lib/intercept/answers.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { bytes, text } from "../../support/duplex.ts";

const LABEL = { label: "our.label" };

function chunked(...payloads: string[]): ResponseMessage {
  const headers = new HeaderList([["Transfer-Encoding", "chunked"]]);
  const pieces = payloads.map((payload) => ({
    wire: bytes(`${payload.length.toString(16)}\r\n${payload}\r\n`),
    data: [bytes(payload)],
  }));
  const raw = bytes("as it was");
  return {
    head: { status: 200, reason: "OK", version: "1.1", headers, raw },
    framing: { kind: "chunked" },
    body: bodyOfPieces(pieces),
  };
}

async function wireOf(body: Body): Promise<string> {
  let all = "";
  for (let piece = await body.read(); piece !== null; piece = await body.read()) {
    all += text(piece.wire);
  }
  return all;
}

function mark(value: Json): Json {
  assert(isObject(value));
  return { ...value, marked: true };
}

Deno.test("an answer without the label passes as it came, head and chunks included", async () => {
  const answer = chunked('{"Id":', '"a"}');
  const edited = await editedAnswer(answer, mark, LABEL);
  assertEquals(edited.head, answer.head);
  assertEquals(edited.framing, { kind: "chunked" });
  assertEquals(await wireOf(edited.body), '6\r\n{"Id":\r\n4\r\n"a"}\r\n');
});

Deno.test("an answer with the label, even across two pieces, is edited and framed anew", async () => {
  const answer = chunked('{"Labels":{"our.', 'label":""}}');
  const edited = await editedAnswer(answer, mark, LABEL);
  const payload = '{"Labels":{"our.label":""},"marked":true}';
  assertEquals(edited.framing, { kind: "length", length: payload.length });
  assertEquals(text(await collect(edited.body, 1000)), payload);
  assertEquals([...edited.head.headers], [["Content-Length", String(payload.length)]]);
});

Deno.test("an edited answer ends as the engine's did: with a line feed, or without", async () => {
  const edited = await editedAnswer(chunked('{"our.label":""}\n'), mark, LABEL);
  assertEquals(text(await collect(edited.body, 1000)), '{"our.label":"","marked":true}\n');
});

Deno.test("an answer that is always edited needs no label", async () => {
  const edited = await editedAnswer(chunked("{}"), mark, { ...LABEL, always: true });
  assertEquals(text(await collect(edited.body, 1000)), '{"marked":true}');
});
