/** A wait that ends by itself, or when it is told to. */
import { sleep } from "../../../lib/system/sleep.ts";
import { assert } from "../../support/assert.ts";

Deno.test("a sleep ends by itself, and not before other work has run", async () => {
  let worked = false;
  setTimeout(() => worked = true, 0);
  await sleep(2, new AbortController().signal);
  assert(worked);
});

Deno.test("a sleep ends with its signal, before or while it lasts, and leaves no timer", async () => {
  const stop = new AbortController();
  const sleeping = sleep(600_000, stop.signal);
  stop.abort();
  await sleeping;
  await sleep(600_000, stop.signal);
});

Deno.test("a time that is over is not waited for", async () => {
  await sleep(-600_000, new AbortController().signal);
});
