import { assert, assertEquals } from "../../support/assert.ts";
import { folder } from "../../support/folders.ts";
import { TIME_LIMIT_VARIABLE } from "../../support/time_limit.ts";

const LIMIT = new URL("../../support/time_limit.ts", import.meta.url).pathname;

Deno.test("a test that hangs fails under its name, and the others run", async () => {
  await using place = await folder({
    "hangs_test.ts": `
      const forever = () => new Promise<void>((resolve) => setTimeout(resolve, 1e8));
      Deno.test("hangs", forever);
      Deno.test({ name: "hangs too", fn: forever });
      Deno.test("has more time", { timeout: 0 }, () => new Promise((end) => setTimeout(end, 1500)));
      Deno.test("is quick", () => {});
      Deno.test(function isNamed() {});
      Deno.test({ name: "has options first" }, () => {});
      Deno.test({ name: "and counts", ignore: true }, function other() {});
    `,
  });
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", "--no-config", `--preload=${LIMIT}`, "hangs_test.ts"],
    cwd: place.path,
    env: { [TIME_LIMIT_VARIABLE]: "1", NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 1);
  assert(/hangs \.\.\. FAILED/.test(text), text);
  assert(/hangs too \.\.\. FAILED/.test(text), text);
  assert(/isNamed \.\.\. ok/.test(text) && /and counts \.\.\. ignored/.test(text), text);
  assert(text.includes("4 passed | 2 failed | 1 ignored"), text);
});
