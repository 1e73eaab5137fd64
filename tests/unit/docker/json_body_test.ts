/** Editing JSON without losing what nobody touched. */
import { AgentError } from "../../../lib/errors.ts";
import { encodeJson, isObject, parseJson } from "../../../lib/docker/json_body.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { bytes, text } from "../../support/duplex.ts";

const UNTOUCHED = [
  '{"Memory":9223372036854771712,"NanoCpus":1500000000}',
  '{"a":1.0,"b":-0,"c":1e400,"d":0.1000000000000000055,"e":12345678901234567890123}',
  '{"Unknown":{"deep":[1,"two",null,true,{"x":[]}]},"Labels":{"":"empty","b":"","a":"z"}}',
  '{"__proto__":{"x":1},"constructor":"y"}',
  "[9007199254740993,9007199254740992]",
  '"text with \\u0000 and \\" and é"',
];

for (const source of UNTOUCHED) {
  Deno.test(`unchanged: ${source}`, () => {
    const written = encodeJson(parseJson(bytes(source)));
    assertEquals(new TextDecoder().decode(written), source);
  });
}

Deno.test("an edit changes its member and nothing else", () => {
  const body = parseJson(
    bytes('{"Image":"bb","HostConfig":{"Memory":9223372036854771712,"Binds":["a:b"]}}'),
  );
  assert(isObject(body) && isObject(body.HostConfig));
  body.HostConfig.Binds = [];
  assertEquals(
    text(encodeJson(body)),
    '{"Image":"bb","HostConfig":{"Memory":9223372036854771712,"Binds":[]}}',
  );
});

Deno.test("a number kept as text is not an object", () => {
  const body = parseJson(bytes('{"n":9223372036854771712}'));
  assert(isObject(body));
  assertEquals(isObject(body.n), false);
});

for (const bad of ["", "{", '{"a":1,}', "nul", '{"a":\xff}', "[".repeat(200_000)]) {
  Deno.test(`refused: ${bad.slice(0, 10)}`, () => {
    const raw = Uint8Array.from(bad, (c) => c.charCodeAt(0));
    assertThrows(() => parseJson(raw), AgentError, "not valid JSON");
  });
}
