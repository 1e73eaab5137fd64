import { untilIdle } from "../../../lib/hosts/idle_watch.ts";
import { assertEquals } from "../../support/assert.ts";

Deno.test("a program is idle when nothing was used for the whole time", async () => {
  let now = 0, uses = 0, looks = 0;
  const isIdle = await untilIdle({
    idleMs: 1000,
    now: () => now,
    isInUse() {
      looks++;
      now += 400;
      // In use at the first look, used between the second and the third.
      if (looks === 2) uses++;
      return looks === 1;
    },
    uses: () => uses,
  }, new AbortController().signal);
  assertEquals([isIdle, looks], [true, 6]);
});

Deno.test("an end by somebody else is not idleness", async () => {
  const over = new AbortController();
  const waiting = untilIdle({ idleMs: 60_000, isInUse: () => false, uses: () => 0 }, over.signal);
  over.abort();
  assertEquals(await waiting, false);
});
