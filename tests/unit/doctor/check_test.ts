import { renderResult, renderSummary } from "../../../lib/cli/commands/doctor.ts";
import {
  type Check,
  failed,
  passed,
  type Result,
  runChecks,
  warned,
} from "../../../lib/doctor/check.ts";
import { AgentError } from "../../../lib/errors.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";

const check = (name: string, run: Check<null>["run"], ...needs: string[]) => ({ name, run, needs });

async function results(checks: readonly Check<null>[]): Promise<Result[]> {
  const found: Result[] = [];
  const signal = new AbortController().signal;
  for await (const result of runChecks(checks, null, signal)) found.push({ ...result, ms: 0 });
  return found;
}

Deno.test("what needs a check that failed is skipped, also over several, and a warning is no failure", async () => {
  const found = await results([
    check("a", () => Promise.resolve(failed("Broken", "engine", "mend it"))),
    check("b", () => Promise.resolve(passed("Fine")), "a"),
    check("c", () => Promise.resolve(passed("Fine")), "b"),
    check("d", () => Promise.resolve(warned("Slow", "hurry"))),
    check("e", () => Promise.resolve(passed("Fine")), "d"),
  ]);
  assertEquals(found.map(({ verdict }) => verdict), ["fail", "skip", "skip", "warn", "pass"]);
  assertEquals(found[1]?.message, 'needs the check "a"');
});

Deno.test("an error is a failure with its hint and its kind", async () => {
  const [first, second] = await results([
    check(
      "a",
      () => Promise.reject(new AgentError("listen", "In use", { hint: "choose another" })),
    ),
    check("b", () => Promise.reject(new TypeError("x"))),
  ]);
  assertEquals(first, {
    ...{ name: "a", ms: 0, verdict: "fail", message: "In use", kind: "listen" },
    remedy: "choose another",
  });
  assertEquals(second?.kind, "internal");
});

Deno.test("an examination that is interrupted ends at once", async () => {
  const stop = new AbortController();
  const checks = [check("a", () => {
    stop.abort(new Error("interrupted"));
    return new Promise(() => {});
  })];
  await assertRejects(
    async () => {
      for await (const _ of runChecks(checks, null, stop.signal));
    },
    Error,
    "interrupted",
  );
});

Deno.test("results are lines, remedies stand below, and the end counts", () => {
  const fail: Result = { name: "tcp", ms: 3, verdict: "fail", message: "Refused", remedy: "look" };
  assertEquals(
    renderResult(fail),
    "FAIL  tcp             Refused (3 ms)\n                      → look\n",
  );
  const skip: Result = { name: "keys", ms: 0, verdict: "skip", message: "Nothing" };
  assertEquals(renderResult(skip), "-     keys            Nothing\n");
  assertEquals(renderSummary([fail, skip]), "1 failed, 0 to look at, 0 passed, 1 skipped.\n");
  assertEquals(
    renderSummary([{ ...skip, verdict: "pass" }]),
    "Everything is as it should be.\n",
  );
});
