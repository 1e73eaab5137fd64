import { createServer } from "node:net";
import { readBeginning, readSmallText, UnreadableFile } from "../../../lib/system/small_file.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import { runCommand, runOk } from "../../support/child.ts";
import { until } from "../../support/poll.ts";

const ignore = Deno.build.os === "windows";
const PIPE_WAIT_MS = 20;

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: "whatever a user names is read within a bound, or told why not",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/file`, "text");
      await Deno.writeTextFile(`${folder}/empty`, "");
      await Deno.symlink("loop", `${folder}/loop`);
      const listening = Promise.withResolvers<void>();
      const server = createServer().listen(`${folder}/sock`, listening.resolve);
      await listening.promise;
      assertEquals(await readSmallText(`${folder}/file`, 4), "text");
      assertEquals(await readSmallText(`${folder}/empty`, 4), "");
      assertEquals(await readSmallText("/dev/null", 4), "");
      const cases: [path: string, why: string, isMissing?: true][] = [
        [folder, "it is a directory"],
        [`${folder}/none`, "no such file", true],
        [`${folder}/file/x`, "not a directory"],
        [`${folder}/loop`, "too many levels of symbolic links"],
        [`${folder}/${"x".repeat(300)}`, "file name too long"],
        [`${folder}/sock`, "it is a socket"],
        ["/dev/zero", "it is larger than 3 bytes"],
        [`${folder}/file`, "it is larger than 3 bytes"],
      ];
      for (const [path, why, isMissing = false] of cases) {
        const error = await assertRejects(() => readSmallText(path, 3), UnreadableFile);
        assert(error instanceof UnreadableFile);
        assertEquals([error.message, error.isMissing], [why, isMissing], path);
      }
      await new Promise((resolve) => server.close(resolve));
    }),
});

Deno.test({
  name: "a pipe is read to its end, and not waited for for ever",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const path = `${folder}/pipe`;
      await runOk("mkfifo", [path]);
      const reading = readSmallText(path, 10);
      await Deno.writeTextFile(path, "text");
      assertEquals(await reading, "text");
      await assertRejects(
        () => readBeginning(path, 10, PIPE_WAIT_MS),
        UnreadableFile,
        "it is a pipe that nobody has filled within 0.02 s",
      );
      // Lets go of what still waits for a writer, and waits until it has left.
      await Deno.writeTextFile(path, "");
      const write = ["if=/dev/null", `of=${path}`, "oflag=nonblock", "conv=notrunc"];
      await until("nobody reads the pipe", async () => (await runCommand("dd", write)).code !== 0);
    }),
});
