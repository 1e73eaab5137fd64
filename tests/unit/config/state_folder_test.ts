import { stateObstacle } from "../../../lib/config/state_folder.ts";
import { homeDirectory } from "../../../lib/system/home_directory.ts";
import { assert, assertEquals, assertMatch } from "../../support/assert.ts";

Deno.test("why state cannot be kept is told in a few words", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/file`, "");
    assertEquals(await stateObstacle(`${folder}/new/state`), undefined);
    assertEquals([...Deno.readDirSync(`${folder}/new/state`)], []);
    const { why, hint } = await stateObstacle(`${folder}/file/state`) ?? {};
    assertMatch(why ?? "", /^cannot keep state in ".*\/file\/state": [a-z ]+$/);
    assertMatch(hint ?? "", /XDG_STATE_HOME/);
    assertMatch((await stateObstacle(undefined))?.why ?? "", /there is no directory/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("without a directory that is named in full, home is that of the account", () => {
  assertEquals(homeDirectory("/home/dev"), "/home/dev");
  const own = homeDirectory(undefined);
  assert(own === undefined || own.startsWith("/") || Deno.build.os === "windows");
  for (const text of ["", "relative", "./x"]) assertEquals(homeDirectory(text), own);
});
