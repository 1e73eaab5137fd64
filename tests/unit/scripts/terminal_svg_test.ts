import { drawTerminal } from "../../../scripts/support/terminal_svg.ts";
import { assert, assertEquals, assertStringIncludes } from "../../support/assert.ts";

Deno.test("lines are drawn in order, markup in them is text, and what was typed stands out", () => {
  const picture = drawTerminal(["$ echo '<&>'", "<&>", "x".repeat(500)]);
  assertStringIncludes(picture, "echo\u00a0'&lt;&amp;&gt;'</tspan>");
  assertStringIncludes(picture, ">&lt;&amp;&gt;</text>");
  assert(!picture.includes("x".repeat(200)));
  const heights = [...picture.matchAll(/<text x="\d+" y="(\d+)"/g)].map((match) =>
    Number(match[1])
  );
  assertEquals(heights, [...heights].sort((a, b) => a - b));
  assertEquals(heights.length, 3);
});
