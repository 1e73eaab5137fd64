/** The processes of tests: what they have said is not there at once. */
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { Child } from "../../support/child.ts";

Deno.test("output is waited for while a process runs, and all of it is there at its end", async () => {
  await using child = new Child("sh", ["-c", "cat; echo end >&2; exit 3"]);
  await child.write("one\ntwo");
  await child.waitFor(/one\ntwo/);
  for (const read of [() => child.stdout, () => child.stderr, () => child.output]) {
    assertThrows(read, Error, "still runs");
  }
  assertEquals([child.soFar.output, child.soFar.lines], ["one\ntwo", ["one"]]);
  await child.closeStdin();
  assertEquals(await child.wait(), 3);
  assertEquals([child.stdout, child.stderr, child.output], ["one\ntwo", "end\n", "one\ntwoend\n"]);
});
