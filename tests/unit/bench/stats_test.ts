import { median, pairedRatio, pooledMedian } from "../../../scripts/bench/stats.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

Deno.test("a median is the middle value, in whatever order the values come", () => {
  const cases: [number[], number][] = [
    [[7], 7],
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[100, 9, 8], 9],
    [[-1, -5], -3],
  ];
  for (const [values, expected] of cases) assertEquals(median(values), expected);
});

Deno.test("a median leaves its input as it is", () => {
  const values = [3, 1, 2];
  median(values);
  assertEquals(values, [3, 1, 2]);
});

Deno.test("there is no median of nothing", () => {
  assertThrows(() => median([]), RangeError);
  assertEquals(pooledMedian([[], []]), undefined);
});

Deno.test("a pooled median counts every sample once, whatever its round", () => {
  assertEquals(pooledMedian([[1, 2, 3], [100]]), 2.5);
});

Deno.test("a ratio is taken within each round, so that a slow round does not count twice", () => {
  // The machine was ten times slower in the second round: for both.
  assertEquals(pairedRatio([[1], [10], [1]], [[2], [20], [2]]), 0.5);
  // The medians of all samples would have said 1 / 2 and 10 / 20 of different rounds.
  assertEquals(pairedRatio([[1], [10]], [[2], [5]]), 1.25);
});

Deno.test("a round that one side lacks does not count towards a ratio", () => {
  assertEquals(pairedRatio([[1], [5]], [[2]]), 0.5);
  assertEquals(pairedRatio([[], [5]], [[2], [1]]), 5);
  assertEquals(pairedRatio([[1]], [[]]), undefined);
  assertEquals(pairedRatio([], [[1]]), undefined);
});

Deno.test("a ratio to nothing is not a number anybody can use", () => {
  assertEquals(pairedRatio([[0]], [[0]]), undefined);
  assertEquals(pairedRatio([[1], [3]], [[0], [2]]), 1.5);
});
