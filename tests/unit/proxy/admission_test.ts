import { Admission, type Leave } from "../../../lib/proxy/admission.ts";
import { assert, assertEquals } from "../../support/assert.ts";

/** A wait that no test comes to the end of. */
const LONG_MS = 600_000;

/** Enters, and tells what came of it so far. */
function enter(admission: Admission, client: string) {
  const outcome: { leave?: Leave; refused: boolean } = { refused: false };
  const note = (leave: Leave | undefined) => {
    if (leave === undefined) outcome.refused = true;
    else outcome.leave = leave;
  };
  const entering = admission.enter(client);
  const done = entering instanceof Promise ? entering.then(note) : note(entering);
  return Object.assign(outcome, { done: Promise.resolve(done) });
}

Deno.test("without a maximum everybody comes in", () => {
  const admission = new Admission({ max: 0, waitMs: LONG_MS });
  for (let i = 0; i < 5000; i++) assert(typeof admission.enter("a") === "function");
  assertEquals(admission.active, 5000);
});

Deno.test("one client alone gets the maximum and not more", async () => {
  for (const max of [1, 2, 3, 8, 100]) {
    const admission = new Admission({ max, waitMs: LONG_MS });
    const all = Array.from({ length: max + 1 }, () => enter(admission, "a"));
    assertEquals([admission.active, admission.waiting], [max, 1], `max ${max}`);
    all[0]!.leave!();
    await all[max]!.done;
    assert(all[max]!.leave !== undefined);
    assertEquals([admission.active, admission.waiting], [max, 0]);
  }
});

Deno.test("a client with all the places keeps nobody else out", () => {
  const admission = new Admission({ max: 1000, waitMs: LONG_MS });
  for (let i = 0; i < 1000; i++) admission.enter("greedy");
  assert(admission.enter("greedy") instanceof Promise);
  for (let i = 0; i < 5; i++) assert(typeof admission.enter("modest") === "function");
  admission.close();
});

Deno.test("the reserve is bounded however many clients come", () => {
  const admission = new Admission({ max: 8, waitMs: LONG_MS });
  for (let i = 0; i < 100; i++) enter(admission, `client ${i}`);
  assertEquals([admission.active, admission.waiting], [10, 90]);
  admission.close();
});

Deno.test("a free place goes to whoever holds the fewest, then to the first come", async () => {
  const admission = new Admission({ max: 4, waitMs: LONG_MS });
  const held = ["a", "a", "a", "b"].map((name) => enter(admission, name));
  // The reserve, for two clients that hold fewer than two.
  enter(admission, "c");
  enter(admission, "d");
  const order: string[] = [];
  const waiting = ["a", "c", "e", "f"].map((name) => {
    const entered = enter(admission, name);
    return entered.done.then(() => order.push(name));
  });
  held[0]!.leave!();
  held[1]!.leave!();
  await Promise.all([waiting[2], waiting[3]]);
  assertEquals(order, ["e", "f"]);
  admission.close();
  await Promise.all(waiting);
});

Deno.test("who waits too long is turned away, and so is the rest on close", async () => {
  let waits = 0;
  const soon = new Admission({ max: 1, waitMs: 1, onWait: () => waits++ });
  soon.enter("a");
  assertEquals(await soon.enter("a"), undefined);
  assertEquals([soon.active, soon.waiting, waits], [1, 0, 1]);

  const admission = new Admission({ max: 1, waitMs: LONG_MS });
  admission.enter("a");
  const late = admission.enter("a");
  admission.close();
  assertEquals(await late, undefined);
  assertEquals(admission.enter("b"), undefined);
});

Deno.test("no wait at all is a refusal at once", () => {
  const admission = new Admission({ max: 1, waitMs: 0 });
  admission.enter("a");
  assertEquals(admission.enter("a"), undefined);
});
