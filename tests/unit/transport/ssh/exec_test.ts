import { scriptOf } from "../../../../lib/transport/ssh/exec.ts";
import { assertEquals } from "../../../support/assert.ts";
import { runOk } from "../../../support/child.ts";

Deno.test("a command arrives word by word, whatever is in the words", async () => {
  const words = ["printf", "<%s>\n", "it's", 'a "b"', "$HOME `id` \\", "", "-n", "*", "a\nb"];
  const script = scriptOf({ words, envs: ["A=x y'z"], cwd: "/" });
  assertEquals(
    await runOk("bash", ["-c", script]),
    '<it\'s>\n<a "b">\n<$HOME `id` \\>\n<>\n<-n>\n<*>\n<a\nb>\n',
  );
  const check = scriptOf({ words: ["sh", "-c", 'echo "$A" $PWD'], envs: ["A=x y'z"], cwd: "/srv" });
  assertEquals(await runOk("sh", ["-c", check]), "x y'z /srv\n");
  assertEquals(scriptOf({ words: ["ls"], envs: [] }), "sh -c 'exec '\\''ls'\\'''");
});
