import { logger } from "../../../lib/log.ts";
import { birthOf, parentGone, windowsProcessLives } from "../../../lib/relay/parent_watch.ts";
import { assertEquals } from "../../support/assert.ts";

const log = logger("test");
const QUICK = { pollIntervalMs: 1, maxWaitMs: 1000, log };

Deno.test("the watch ends when the process is gone, not while its state is unknown", async () => {
  const answers = [true, undefined, undefined, true, false];
  const { signal } = new AbortController();
  assertEquals(await parentGone({ ...QUICK, signal, probe: () => answers.shift() }), true);
  assertEquals(answers, []);
});

Deno.test("the watch can be ended", async () => {
  const ending = new AbortController();
  const watching = parentGone({
    ...QUICK,
    pollIntervalMs: 60_000,
    signal: ending.signal,
    probe: () => true,
  });
  ending.abort();
  assertEquals(await watching, false);
});

Deno.test({
  name: "a process has a birth until it has ended",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const child = new Deno.Command("cat", { stdin: "piped", stdout: "null" }).spawn();
    const birth = birthOf(child.pid);
    assertEquals(/^\d+$/.test(birth ?? ""), true);
    assertEquals(birthOf(child.pid), birth);
    await child.stdin.close();
    await child.status;
    assertEquals(birthOf(child.pid), undefined);
  },
});

Deno.test({
  name: "Windows is asked by tasklist, and no answer is no answer",
  ignore: Deno.build.os === "windows",
  async fn() {
    const directory = await Deno.makeTempDir();
    const fake = `${directory}/tasklist.exe`;
    const { signal } = new AbortController();
    try {
      await Deno.writeTextFile(
        fake,
        '#!/bin/sh\ncase "$2" in *4242) echo \'"agent.exe","4242","Console","1","9 K"\';;\n' +
          "*) echo 'INFO: No tasks are running which match the specified criteria.';; esac\n",
        { mode: 0o755 },
      );
      const ask = (pid: number, ...commands: string[]) =>
        windowsProcessLives(pid, signal, log, commands);
      assertEquals(await ask(4242, fake), true);
      assertEquals(await ask(4243, fake), false);
      assertEquals(await ask(4242, `${directory}/missing.exe`, fake), true);
      assertEquals(await ask(4242, `${directory}/missing.exe`), undefined);
      await Deno.writeTextFile(fake, "#!/bin/sh\nexit 1\n");
      assertEquals(await ask(4242, fake), undefined);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
