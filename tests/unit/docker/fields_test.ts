/** Members that Go would find and an editor that knows one spelling would not. */
import { repeatsMember } from "../../../lib/docker/fields.ts";
import { parseJson } from "../../../lib/docker/json_body.ts";
import { assertEquals } from "../../support/assert.ts";

const TABLE: [text: string, repeats: boolean][] = [
  ["{}", false],
  ['[1,"a:b",null,true,9223372036854771712]', false],
  ['{"a":{"a":1},"b":[{"a":1},{"a":1}]}', false],
  ['{"a\\":b":"c\\\\","d":":"}', false],
  ['{"__proto__":1,"":{"":2}}', false],
  ['{"HostConfig":{"Binds":["/a:/b"]},"HostConfig":{"Memory":1}}', true],
  ['[{"x":[{"a":1,"a":1}]}]', true],
  ['{"a":1,"\\u0061":2}', true],
  ['{"__proto__":1,"__proto__":2}', true],
];

for (const [text, repeats] of TABLE) {
  Deno.test(`${text} ${repeats ? "names a member twice" : "names each member once"}`, () => {
    assertEquals(repeatsMember(text, parseJson(new TextEncoder().encode(text))), repeats);
  });
}
