import { said } from "../../../../lib/transport/endpoint/said.ts";
import { assertEquals } from "../../../support/assert.ts";

const ANSWERS: readonly (readonly [string, string, string])[] = [
  ["the engine's own form", '{"message":"no such host"}\n', "no such host"],
  ["a quoted message", '{"message":"no \\"a\\" here"}', 'no "a" here'],
  ["a page of a proxy", "<html>\n<h1>502</h1> Bad Gateway</html>", "502 Bad Gateway"],
  ["other JSON", '{"error":"x"}', '{"error":"x"}'],
  ["what a terminal would obey", '{"message":"a\\u001b[2Jb\\u009b1mc"}', "a [2Jb 1mc"],
  ["nothing", "", ""],
];

for (const [what, body, expected] of ANSWERS) {
  Deno.test(`what a server says: ${what}`, () => assertEquals(said(body), expected));
}

Deno.test("of a long page no more is said than a sentence", () => {
  assertEquals(said("word ".repeat(10_000)).length, 300);
});
