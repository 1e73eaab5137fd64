/**
 * Many files, and a large one. What is written is cheap: files of a few bytes, and one that is nearly
 * all holes; the remote copies are in memory.
 */
import { assert, assertEquals } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";
import { folder, names, stateVars, untilText } from "../support/folders.ts";
import { cleanup } from "../support/published.ts";
import type { Rig } from "../support/rig.ts";

const test = await endToEnd();
const vars = await stateVars();
const SYNC_ROOT = "/srv/dev/rda-large";
const options = { agentOnly: true, vars, flags: { "sync-root": SYNC_ROOT } };
/** More than a signed 32-bit number can count. */
const LARGE = 2_200_000_000;
/** Every flush of a whole tree like these has this long, on a busy machine. */
const timeoutMs = 400_000;

/** A file of the remote host that is as old as the last look. */
const MARK = "/tmp/rda-large-mark";

/** How many files of the copies were written, or given a mode or a time, after {@link MARK}. */
async function touchedSince(rig: Rig): Promise<number> {
  const find = `find ${SYNC_ROOT} -path '*/data/d*' -type f -cnewer ${MARK} | wc -l`;
  return Number(await rig.verb("exec", "sh", "-c", find));
}

async function inMemory(rig: Rig, work: () => Promise<void>): Promise<void> {
  const mount =
    `mkdir -p ${SYNC_ROOT} && mount -t tmpfs -o size=6g,uid=1000,gid=1000 none ${SYNC_ROOT}`;
  await rig.verb("exec", "sh", "-c", mount);
  try {
    await work();
  } finally {
    await rig.verb("exec", "umount", "-l", SYNC_ROOT);
  }
}

test(
  "50,000 small files arrive, one change is soon there, and nothing is done twice",
  options,
  async (bench) => {
    const { docker, rig } = bench;
    await using src = await folder();
    for (let d = 0; d < 250; d++) {
      Deno.mkdirSync(`${src.path}/d${d}`);
      for (let f = 0; f < 200; f++) Deno.writeTextFileSync(`${src.path}/d${d}/f${f}`, `${d} ${f}`);
    }
    const name = uniqueName("many");
    await inMemory(rig, async () => {
      await using _ = cleanup(docker, [name]);
      const run = ["run", "-d", "--name", name, "-v", `${src.path}:/app`, "bb", "sleep", "600"];
      await docker.ok(run, { timeoutMs });
      const exec = (script: string) => docker.ok(["exec", name, "sh", "-c", script], { timeoutMs });
      assertEquals(await exec("find /app -type f | wc -l; cat /app/d249/f199"), "50000\n249 199");
      await rig.verb("exec", "touch", MARK);
      Deno.writeTextFileSync(`${src.path}/d7/f7`, "changed here");
      Deno.removeSync(`${src.path}/d0`, { recursive: true });
      assertEquals(
        await exec("cat /app/d7/f7; ls /app | wc -l"),
        "changed here249",
      );
      assertEquals(await touchedSince(rig), 1, "the file that was changed");
      // Behind the back of every barrier.
      await docker.ok(["exec", "-d", name, "sh", "-c", "echo there >/app/d8/f8; rm -r /app/d1"]);
      await untilText(`${src.path}/d8/f8`, "there\n");
      await docker.ok(["exec", name, "true"], { timeoutMs });
      await rig.verb("exec", "touch", MARK);
      await docker.ok(["run", "--rm", "-v", `${src.path}:/app`, "bb", "true"], { timeoutMs });
      assertEquals(await touchedSince(rig), 0, "files of the copy were written again");
      assertEquals(names(src.path).length, 248);
    });
  },
);

test("a file of more than 2 GB, in both directions", options, async ({ docker, rig }) => {
  await using src = await folder({ "big": "" });
  const marks = [0, 1_500_000_000, LARGE - 4];
  {
    using file = Deno.openSync(`${src.path}/big`, { write: true });
    for (const at of marks) {
      file.seekSync(at, Deno.SeekMode.Start);
      file.writeSync(new TextEncoder().encode(`at${at % 97}`.padEnd(4)));
    }
  }
  await inMemory(rig, async () => {
    const read = (at: number) => `dd if=/app/big bs=4 count=1 skip=${at / 4} 2>/dev/null`;
    const script = `stat -c %s /app/big; ${marks.map(read).join("; ")}; ` +
      `truncate -s ${LARGE} /app/back; printf done >>/app/back`;
    const run = ["run", "--rm", "-v", `${src.path}:/app`, "bb", "sh", "-c", script];
    const said = await docker.ok(run, { timeoutMs });
    assertEquals(said, `${LARGE}\n${marks.map((at) => `at${at % 97}`.padEnd(4)).join("")}`.trim());
  });
  const back = Deno.statSync(`${src.path}/back`);
  assertEquals(back.size, LARGE + 4);
  assert((back.blocks ?? 0) * 512 < 10_000_000, "what is nothing takes no room");
  using file = Deno.openSync(`${src.path}/back`);
  file.seekSync(LARGE, Deno.SeekMode.Start);
  const end = new Uint8Array(8);
  assertEquals(new TextDecoder().decode(end.subarray(0, file.readSync(end) ?? 0)), "done");
});
