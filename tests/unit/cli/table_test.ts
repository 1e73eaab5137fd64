import { renderTable } from "../../../lib/cli/table.ts";
import { assertEquals } from "../../support/assert.ts";

Deno.test("columns are as wide as their widest cell", () => {
  assertEquals(renderTable([["A", "B"], ["long", "x"]]), "A      B\nlong   x\n");
});

Deno.test("a name that a terminal would obey stays a word in its cell", () => {
  const rows = [["FILE", "STATE"], ["a\u001b[2J\nb\u202e", "kept"]];
  assertEquals(renderTable(rows).split("\n")[1], "a\\u001b[2J\\nb\\u202e   kept");
});
