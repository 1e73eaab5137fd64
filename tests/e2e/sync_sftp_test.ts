/** Folders of an account that may only use SFTP: the same as with commands, by other means. */
import { join } from "node:path";
import { assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { runCommand } from "../support/child.ts";
import { uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";
import { cleanup } from "../support/published.ts";
import { folder, stateVars, untilText } from "../support/folders.ts";
import { until } from "../support/poll.ts";
import type { Rig } from "../support/rig.ts";
import { STAGING, SyncRig } from "../support/sync_rig.ts";
import { contents, edit } from "../unit/sync/harness.ts";

const test = await endToEnd();
const agentOnly = true;
const vars = await stateVars();
const flags = { "ssh-user": "plain" };
const PLAIN = { there: "/home/plain", uid: 1001 };
const SFTP_ONLY = "Match User plain\n  ForceCommand internal-sftp\nMatch all\n";

/** The tools of a small system: none of GNU's. */
const BUSYBOX = "/opt/busybox";
const BUSYBOX_ONLY = `Match User plain\n  SetEnv PATH=${BUSYBOX}\nMatch all\n`;

/** Runs `body` while the user may do nothing but SFTP, or what else the rules of sshd say. */
async function sftpOnly(
  rig: Rig,
  body: (bench: SyncRig) => Promise<void>,
  rules = SFTP_ONLY,
): Promise<void> {
  const path = join(rig.root, "etc/ssh/sshd_config");
  const before = await Deno.readTextFile(path);
  // Keywords before the first Match hold for all; ours comes last.
  await Deno.writeTextFile(path, `${before}\n${rules}`);
  try {
    await rig.verb("restart-sshd");
    await using bench = new SyncRig(rig, PLAIN);
    await body(bench);
  } finally {
    await Deno.writeTextFile(path, before);
    await rig.verb("restart-sshd");
  }
}

function modeOf(path: string): number {
  return (Deno.lstatSync(path).mode ?? 0) & 0o777;
}

test.bare("odd names, links and modes go there and back", { agentOnly }, async (rig) => {
  await sftpOnly(rig, async (bench) => {
    edit(bench.local, {
      "-dash": "1",
      "new\nline": "2",
      "b l a n k": "3",
      "ü/漢'\"$(x)": "4",
      "*?[a]/deep/er": "5",
      "e/": "",
      "none": "",
    });
    for (let i = 0; i < 500; i++) edit(bench.local, { [`many/${i % 20}/${i}`]: `content ${i}` });
    Deno.symlinkSync("many/0/0", join(bench.local, "link"));
    Deno.symlinkSync("/nowhere/at all", join(bench.local, "away"));
    Deno.chmodSync(join(bench.local, "-dash"), 0o755);
    Deno.utimeSync(join(bench.local, "-dash"), 1_000_000, 1_000_000);
    Deno.writeFileSync(join(bench.local, "big"), noise(5_000_000));
    await bench.sync(flags);
    assertEquals(bench.remoteContents(), contents(bench.local));
    assertEquals(modeOf(join(bench.remote, "-dash")), 0o755);
    assertEquals(Deno.lstatSync(join(bench.remote, "-dash")).mtime?.getTime(), 1_000_000_000);

    await bench.remoteWrite("many/1/1", "changed there");
    await bench.remoteWrite("new\nthere", "n");
    edit(bench.remote, { "many/2": null, "link": null, "e": null });
    Deno.renameSync(join(bench.remote, "none"), join(bench.remote, "other name"));
    Deno.symlinkSync("many/3/3", join(bench.remote, "link"));
    Deno.chmodSync(join(bench.remote, "b l a n k"), 0o755);
    edit(bench.local, { "many/4/4": "changed here", "many/5": null, "ü": null });
    edit(bench.local, { "ü": "a file where a folder was" });
    Deno.renameSync(join(bench.local, "big"), join(bench.local, "moved"));
    await bench.sync(flags);
    const now = contents(bench.local);
    assertEquals(bench.remoteContents(), now);
    assertEquals(now["many/1/1"], "changed there");
    assertEquals(now["other name"], "");
    assertEquals(now["link"], "-> many/3/3");
    assertEquals(now["ü"], "a file where a folder was");
    assertEquals(["many/2", "many/5", "e", "none", "big"].filter((path) => path in now), []);
    assertEquals(modeOf(join(bench.local, "b l a n k")), 0o755);
    // Nothing is left where uploads are put together.
    assertEquals(contents(join(bench.remote, STAGING)), {});
  });
});

test.bare("both sides change one file: ours wins, theirs is kept", { agentOnly }, async (rig) => {
  await sftpOnly(rig, async (bench) => {
    edit(bench.local, { "a": "0", "b": "0" });
    await bench.sync(flags);
    edit(bench.local, { "a": "mine" });
    await bench.remoteWrite("a", "their");
    assertMatch(await bench.sync(flags), /1 conflict/);
    assertEquals(bench.remoteContents(), { "a": "mine", "b": "0" });
    const state = join(bench.base, "state");
    const kept = Object.values(contents(state)).filter((content) => content === "their");
    assertEquals(kept.length, 1);
  });
});

test.bare("watched, and a link that is cut meanwhile", { agentOnly }, async (rig) => {
  await sftpOnly(rig, async (bench) => {
    edit(bench.local, { "a": "0", "d/b": "0" });
    await using child = bench.spawn({ ...flags, watch: "" });
    await untilText(join(bench.remote, "d/b"), "0");
    edit(bench.local, { "a": "1" });
    await untilText(join(bench.remote, "a"), "1");
    await bench.remoteWrite("d/b", "2");
    await untilText(join(bench.local, "d/b"), "2");
    await bench.remoteWrite("d/b", "3");
    await untilText(join(bench.local, "d/b"), "3");

    const big = noise(30_000_000);
    await rig.verb("shape", "rate", "10mbit");
    try {
      Deno.writeFileSync(join(bench.local, "big"), big);
      const staging = join(bench.remote, STAGING);
      await until("the upload has begun", () => bytesBelow(staging) > 1_000_000);
      await rig.verb("drop-sessions");
      assertEquals("big" in bench.remoteContents(), false);
    } finally {
      await rig.verb("unshape");
    }
    const size = () => bytesBelow(join(bench.remote, "big"));
    await until("the upload is complete", () => size() === big.length);
    assertEquals(Deno.readFileSync(join(bench.remote, "big")), big);
    await bench.remoteWrite("after", "the cut");
    await untilText(join(bench.local, "after"), "the cut");
    child.kill("SIGTERM");
    await child.wait();
  });
});

test("a host with busybox alone: files go by SFTP", { agentOnly }, async ({ rig, direct }) => {
  const there = rig.root + BUSYBOX;
  await Deno.mkdir(there, { recursive: true });
  const container = await direct.ok(["create", "bb"]);
  try {
    await direct.ok(["cp", `${container}:/bin/busybox`, `${there}/busybox`]);
    const list = await new Deno.Command(`${there}/busybox`, { args: ["--list"] }).output();
    const applets = new TextDecoder().decode(list.stdout).split("\n").filter(Boolean);
    for (const name of applets.filter((each) => each !== "busybox")) {
      await Deno.symlink("busybox", `${there}/${name}`);
    }
    await sftpOnly(rig, async (bench) => {
      const host = `plain@${rig.address}`;
      const { stdout, stderr } = await runCommand(`${rig.bin}/ssh`, [host, "find --help"]);
      assertMatch(stdout + stderr, /BusyBox/);
      edit(bench.local, { "a b": "1", "d/e/f": "2", "gone": "3" });
      await bench.sync(flags);
      edit(bench.local, { "a b": "changed here", "gone": null });
      await bench.remoteWrite("d/e/f", "changed there");
      await bench.sync(flags);
      const all = { "a b": "changed here", "d": "/", "d/e": "/", "d/e/f": "changed there" };
      assertEquals([contents(bench.local), bench.remoteContents()], [all, all]);
    }, BUSYBOX_ONLY);
  } finally {
    await direct.ok(["rm", container]);
    await Deno.remove(there, { recursive: true });
  }
});

test.bare(
  "a full disk over there: one clear line, nothing lost here",
  { agentOnly },
  async (rig) => {
    await sftpOnly(rig, async (bench) => {
      const { remotePath } = bench;
      const small =
        `mkdir -p ${remotePath} && mount -t tmpfs -o size=9m,uid=1001 none ${remotePath}`;
      await rig.verb("exec", "sh", "-c", small);
      const inside = async (command: string) =>
        (await rig.verb("exec", "sh", "-c", `cd ${remotePath} && ${command}`)).trim();
      try {
        edit(bench.local, { "a": "first" });
        await bench.sync(flags);
        edit(bench.local, { "a": "second" });
        Deno.writeFileSync(join(bench.local, "big"), noise(12_000_000));
        const before = contents(bench.local);
        const { message } = await assertRejects(() => bench.sync(flags), Error);
        const line = message.split("\n").findLast((each) => each.startsWith("remote-docker-agent"));
        assertMatch(line ?? message, /Cannot copy to the remote host: its disk is full; free some/);
        assertEquals(contents(bench.local), before);
        assertEquals(await inside("cat a"), "first");
        assertEquals(await inside(`find . -path './${STAGING}/*' -o -name big`), "");
        edit(bench.local, { "big": null });
        await bench.sync(flags);
        assertEquals(await inside("cat a"), "second");
      } finally {
        await rig.verb("exec", "umount", remotePath);
      }
    });
  },
);

test("a bind mount of a user without commands", { agentOnly, vars }, async (world) => {
  const { docker, direct, rig, agent } = world;
  const path = join(rig.root, "etc/ssh/sshd_config");
  const before = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, `${before}\n${SFTP_ONLY.replace("plain", "dev")}`);
  await using src = await folder({ "in.txt": "from here", "d/run.sh": "echo ran" });
  const name = uniqueName("sftp");
  await using _ = cleanup(direct, [name]);
  try {
    await rig.verb("restart-sshd");
    await rig.verb("drop-sessions");
    await agent.waitForLog(/Connected again/);
    const script = "cat /app/in.txt; sh /app/d/run.sh; echo out >/app/out.txt; rm /app/in.txt";
    const args = ["run", "--name", name, "-v", `${src.path}:/app`, "bb", "sh", "-c", script];
    assertEquals(await docker.ok(args), "from hereran");
    assertEquals(contents(src.path), { "d": "/", "d/run.sh": "echo ran", "out.txt": "out\n" });
  } finally {
    await Deno.writeTextFile(path, before);
    await rig.verb("restart-sshd");
  }
});

function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

/** Of a file, or of all files in a directory. */
function bytesBelow(path: string): number {
  try {
    const { isDirectory, size } = Deno.lstatSync(path);
    if (!isDirectory) return size;
    return [...Deno.readDirSync(path)]
      .reduce((sum, { name }) => sum + bytesBelow(join(path, name)), 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
