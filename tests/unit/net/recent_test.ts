import { Recent } from "../../../lib/net/recent.ts";
import { assertEquals } from "../../support/assert.ts";
import { until } from "../../support/poll.ts";

function recent(options: { max?: number; idleMs?: number } = {}) {
  const ended: string[] = [];
  const kept = new Recent<string>({
    max: 2,
    idleMs: 60_000,
    sweepMs: 1,
    end: (value) => ended.push(value),
    ...options,
  });
  return { kept, ended };
}

Deno.test("whoever was silent longest makes room for a new one", () => {
  const { kept, ended } = recent();
  for (const name of ["a", "b"]) kept.use(name, name.toUpperCase());
  kept.touch("a", "A");
  kept.use("c", "C");
  assertEquals([ended, kept.get("a"), kept.get("b")], [["B"], "A", undefined]);
  kept.close();
  assertEquals(ended, ["B", "A", "C"]);
});

Deno.test("what has gone is not kept again by a late sign of life", () => {
  const { kept, ended } = recent();
  kept.use("a", "old");
  kept.drop("a");
  kept.touch("a", "old");
  assertEquals(kept.get("a"), undefined);
  kept.use("a", "new");
  kept.touch("a", "old");
  assertEquals([kept.get("a"), ended], ["new", ["old"]]);
  kept.close();
});

Deno.test("whoever is silent for too long is forgotten", async () => {
  const { kept, ended } = recent({ idleMs: 5 });
  kept.use("a", "A");
  await until("it is forgotten", () => ended.length === 1, { everyMs: 2 });
  assertEquals(kept.get("a"), undefined);
  kept.close();
  kept.close();
  assertEquals(ended, ["A"]);
});
