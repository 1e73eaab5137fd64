/** The id by which the containers of one user are known again. */
import { ownerId, sharedOwnerId } from "../../../lib/config/owner.ts";
import { configureLogging } from "../../../lib/log.ts";
import { assertEquals, assertMatch, assertNotEquals } from "../../support/assert.ts";

const lines: string[] = [];
configureLogging({ level: "warn", format: "text", write: (line) => lines.push(line) });

Deno.test("the id is made once, also by several at the same time", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const ids = await Promise.all(Array.from({ length: 8 }, () => ownerId(`${folder}/new/state`)));
    assertMatch(ids[0] ?? "", /^[0-9a-f]{32}$/);
    assertEquals(new Set(ids).size, 1);
    assertEquals(await ownerId(`${folder}/new/state`), ids[0]);
    assertEquals([...Deno.readDirSync(`${folder}/new/state`)].map(({ name }) => name), ["owner"]);
    const { mode } = await Deno.stat(`${folder}/new/state/owner`);
    if (Deno.build.os !== "windows") assertEquals((mode ?? 0) & 0o777, 0o600);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a damaged file is replaced", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/owner`, "");
    const id = await ownerId(folder);
    assertMatch(id, /^[0-9a-f]{32}$/);
    assertEquals(await ownerId(folder), id);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("without a place to keep it, it is for this run", async () => {
  assertNotEquals(await ownerId(undefined), await ownerId(undefined));
  const file = await Deno.makeTempFile();
  try {
    assertMatch(await ownerId(`${file}/below`), /^[0-9a-f]{32}$/);
    assertMatch(lines.join("\n"), /Cannot keep state in/);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("all that share one have the same id, and are told once that it cannot be kept", async () => {
  const file = await Deno.makeTempFile();
  try {
    lines.length = 0;
    const shared = sharedOwnerId(`${file}/below`);
    assertEquals(await shared(), await shared());
    assertEquals(lines.length, 1);
  } finally {
    await Deno.remove(file);
  }
});
