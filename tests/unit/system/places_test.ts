import { Places } from "../../../lib/system/places.ts";
import { assertEquals } from "../../support/assert.ts";

Deno.test("a few are let in at a time, and the others in the order in which they came", async () => {
  const places = new Places(2);
  const inside: string[] = [];
  const enter = async (name: string) => {
    await places.enter();
    inside.push(name);
  };
  await Promise.all([enter("a"), enter("b")]);
  const later = [enter("c"), enter("d")];
  assertEquals(inside, ["a", "b"]);
  places.leave();
  await later[0];
  assertEquals(inside, ["a", "b", "c"]);
  places.leave();
  places.leave();
  await later[1];
  await enter("e");
  assertEquals(inside, ["a", "b", "c", "d", "e"]);
});
