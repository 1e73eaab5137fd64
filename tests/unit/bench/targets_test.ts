import { MEASUREMENTS } from "../../../scripts/bench/measure/all.ts";
import type { RowResult } from "../../../scripts/bench/results.ts";
import { judge, type Target, TARGETS } from "../../../scripts/bench/targets.ts";
import { assert, assertEquals } from "../../support/assert.ts";

function result(roundTrip: number, agent: number[], ssh: number[]): RowResult {
  return {
    measurement: "m",
    row: { id: "row", title: "Row", unit: "ms" },
    roundTrip,
    cells: { agent: { rounds: [agent] }, "ssh-l": { rounds: [ssh] } },
  };
}

const ratioTarget: Target = {
  row: "row",
  roundTrips: [20],
  to: "ssh-l",
  sense: "at most",
  limit: 0.5,
};

Deno.test("a target is met up to and including its limit, in the sense it says", () => {
  const cases: [Partial<Target>, number, string][] = [
    [{}, 1, "pass"],
    [{}, 1.01, "miss"],
    [{ sense: "at least" }, 1, "pass"],
    [{ sense: "at least" }, 0.99, "miss"],
  ];
  for (const [change, agent, verdict] of cases) {
    const judged = judge([result(20, [agent], [2])], [{ ...ratioTarget, ...change }]);
    assertEquals(judged.map((it) => it.verdict), [verdict]);
  }
});

Deno.test("a target without a peer holds the value itself", () => {
  const target: Target = { row: "row", roundTrips: [0], sense: "at most", limit: 5 };
  assertEquals(judge([result(0, [5], [])], [target])[0]?.measured, 5);
  assertEquals(judge([result(0, [5], [])], [target])[0]?.verdict, "pass");
});

Deno.test("a target counts at its own round trip times only", () => {
  const judged = judge([result(0, [9], [1]), result(20, [1], [9])], [ratioTarget]);
  assertEquals(judged.map((it) => it.result.roundTrip), [20]);
});

Deno.test("what could not be measured is neither met nor missed", () => {
  const judged = judge([result(20, [], [1]), result(20, [1], [])], [ratioTarget]);
  assertEquals(judged.map((it) => it.verdict), ["not measured", "not measured"]);
});

Deno.test("every target names a row that is measured", () => {
  const rows = new Set(MEASUREMENTS.flatMap((it) => it.rows.map((row) => row.id)));
  for (const { row } of TARGETS) assert(rows.has(row), `No measurement has the row "${row}"`);
});
