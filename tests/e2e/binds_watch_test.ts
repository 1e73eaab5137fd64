/** Changes made in containers are noticed on a link with a delay, where listing a tree takes long. */
import { runOk } from "../support/child.ts";
import { uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";
import { folder, stateVars, untilText, write } from "../support/folders.ts";
import { until } from "../support/poll.ts";
import { cleanup } from "../support/published.ts";
import type { Rig } from "../support/rig.ts";

const test = await endToEnd();
const vars = await stateVars();
const options = { agentOnly: true, vars };
const TOOL = "/usr/bin/inotifywait";

async function withDelay(rig: Rig, work: () => Promise<void>): Promise<void> {
  await rig.verb("shape", "delay", "40ms");
  try {
    await work();
  } finally {
    await rig.verb("unshape");
  }
}

/** How many processes of the remote host have this in their command line. */
async function running(rig: Rig, what: string): Promise<number> {
  const count = `cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c ${what} || true`;
  return Number(await rig.verb("exec", "sh", "-c", count));
}

test(
  "three folders at once are watched by loops, and no loop outlives its use",
  options,
  async (bench) => {
    const { docker, direct, rig } = bench;
    const trios = [uniqueName("one"), uniqueName("two"), uniqueName("three")];
    await using src = await folder(Object.fromEntries(trios.map((name) => [`${name}/a`, "a"])));
    await using _ = cleanup(direct, trios);
    await withDelay(rig, async () => {
      for (const name of trios) {
        const mount = `${src.path}/${name}:/app`;
        await docker.ok(["run", "-d", "--name", name, "-v", mount, "bb", "sleep", "600"]);
      }
      await until("all are watched", async () => await running(rig, "[c]newer") >= 3);
      for (const name of trios) {
        await direct.ok([
          "exec",
          name,
          "sh",
          "-c",
          "mkdir -p /app/deep/er; echo there >/app/deep/er/b",
        ]);
        await untilText(`${src.path}/${name}/deep/er/b`, "there\n");
      }
      await docker.ok(["rm", "-f", ...trios]);
      await until("nobody watches", async () => await running(rig, "[c]newer") === 0);
    });
  },
);

test("inotifywait is used where it is there", options, async ({ docker, direct, rig }) => {
  const there = await Deno.stat(TOOL).then(() => true, () => false);
  if (!there) await rig.verb("pkg", "inotify-tools");
  const library = await runOk("sh", [
    "-c",
    `ldd ${TOOL} | grep -o '/[^ ]*libinotifytools[^ ]*'`,
  ]);
  const installed = [TOOL, library.trim()];
  for (const path of installed) await Deno.copyFile(path, rig.root + path);
  await using src = await folder({ "a.txt": "one", "d/e/f": "2" });
  const name = uniqueName("watched");
  await using _ = cleanup(direct, [name]);
  try {
    await withDelay(rig, async () => {
      await docker.ok([
        "run",
        "-d",
        "--name",
        name,
        "-v",
        `${src.path}:/app`,
        "bb",
        "sleep",
        "600",
      ]);
      await until("it is watched", async () => await running(rig, "^inotifywait") === 1);
      await direct.ok(["exec", name, "sh", "-c", "echo there >/app/d/e/f; mkdir -p /app/new/dir"]);
      await untilText(`${src.path}/d/e/f`, "there\n");
      await direct.ok(["exec", name, "sh", "-c", "echo also >/app/new/dir/x"]);
      await untilText(`${src.path}/new/dir/x`, "also\n");
      await write(src.path, { "a.txt": "two" });
      await until("what is saved here is there", async () => {
        const { stdout } = await direct.run(["exec", name, "cat", "/app/a.txt"]);
        return stdout === "two";
      });
      await docker.ok(["rm", "-f", name]);
      await until("nobody watches", async () => await running(rig, "^inotifywait") === 0);
    });
  } finally {
    for (const path of installed) await Deno.remove(rig.root + path);
  }
  await until("no loop is left", async () => await running(rig, "mark[.]") === 0);
});
