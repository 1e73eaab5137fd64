import { figure, ratio, renderTable } from "../../../scripts/bench/table.ts";
import { assertEquals } from "../../support/assert.ts";

Deno.test("a table is aligned by what is seen, not by bytes", () => {
  const text = renderTable(["", "a / b"], [["first", "0.50×"], ["second one", "–"]]);
  assertEquals(
    text,
    [
      "|            | a / b |",
      "| ---------- | ----: |",
      "| first      | 0.50× |",
      "| second one |     – |",
    ].join("\n"),
  );
});

Deno.test("a short row is filled up, and a narrow column is as wide as its rule", () => {
  assertEquals(renderTable(["", "n"], [["x"]]), "|     |   n |\n| --- | --: |\n| x   |     |");
});

Deno.test("a figure has three significant digits", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [0.0314159, "0.031"],
    [0.5, "0.500"],
    [3.14159, "3.14"],
    [31.4159, "31.4"],
    [314.159, "314"],
    [31415.9, "31416"],
    [-2.5, "-2.50"],
  ];
  for (const [value, expected] of cases) assertEquals(figure(value), expected);
});

Deno.test("a ratio has the digits that a reader can use", () => {
  const cases: [number, string][] = [
    [0.0024, "0.002×"],
    [0.154, "0.15×"],
    [1.2, "1.20×"],
    [12.34, "12.3×"],
    [1234.5, "1235×"],
  ];
  for (const [value, expected] of cases) assertEquals(ratio(value), expected);
});
