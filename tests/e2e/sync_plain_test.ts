/** `sync LOCAL REMOTE`: what is on one side is on the other, whatever it is called and whatever breaks. */
import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { endToEnd } from "../support/e2e.ts";
import { until } from "../support/poll.ts";
import type { Rig } from "../support/rig.ts";
import { STAGING, SyncRig } from "../support/sync_rig.ts";
import { contents, edit } from "../unit/sync/harness.ts";

const test = await endToEnd();
const agentOnly = true;
const MEGABYTE = 1_000_000;

test.bare(
  "5,000 small files, odd names, links and modes go there and back",
  { agentOnly },
  async (rig) => {
    await using bench = new SyncRig(rig);
    for (let i = 0; i < 5_000; i++) {
      const folder = `d${i % 50}`;
      if (i < 50) Deno.mkdirSync(join(bench.local, folder));
      Deno.writeTextFileSync(join(bench.local, folder, `f${i}`), `content ${i}`);
    }
    edit(bench.local, {
      "-dash": "1",
      "new\nline": "2",
      "b l a n k": "3",
      "ü/漢'\"$(x)": "4",
      "e/": "",
    });
    Deno.symlinkSync("d0/f0", join(bench.local, "link"));
    Deno.chmodSync(join(bench.local, "-dash"), 0o755);
    await bench.sync();
    assertEquals(bench.remoteContents(), contents(bench.local));
    assertEquals((Deno.lstatSync(join(bench.remote, "-dash")).mode ?? 0) & 0o777, 0o755);

    await bench.remoteWrite("d1/f1", "changed there");
    await bench.remoteWrite("new\nthere", "n");
    edit(bench.remote, { "d2": null });
    edit(bench.local, { "d3/f3": "changed here", "d4": null });
    await bench.sync();
    assertEquals(bench.remoteContents(), contents(bench.local));
    assertEquals(contents(join(bench.local, "d1"))["f1"], "changed there");
    assertEquals("d2" in contents(bench.local), false);
  },
);

test.bare("200 MB go there and back unharmed", { agentOnly }, async (rig) => {
  await using bench = new SyncRig(rig);
  const path = join(bench.local, "big");
  await writeNoise(path, 200 * MEGABYTE);
  await bench.sync();
  assertEquals(await digest(join(bench.remote, "big")), await digest(path));
  await writeNoise(join(bench.remote, "big"), 100 * MEGABYTE);
  await bench.sync();
  assertEquals(await digest(path), await digest(join(bench.remote, "big")));
});

test.bare("killed while it uploads: no torn file there, and the next run completes it", {
  agentOnly,
}, async (rig) => {
  await using bench = new SyncRig(rig);
  edit(bench.local, { "a": "old", "big": "old" });
  await bench.sync();
  edit(bench.local, { "a": "new" });
  await writeNoise(join(bench.local, "big"), 100 * MEGABYTE);
  await rig.verb("shape", "rate", "100mbit");
  try {
    await using child = bench.spawn();
    await until("the upload has begun", () => stagedBytes(bench) > 5 * MEGABYTE);
    child.kill("SIGKILL");
    await child.wait();
    assertEquals(bench.remoteContents(), { "a": "old", "big": "old" });
  } finally {
    await rig.verb("unshape");
  }
  await bench.sync();
  assertEquals(await digest(join(bench.remote, "big")), await digest(join(bench.local, "big")));
  assertEquals(Deno.readTextFileSync(join(bench.remote, "a")), "new");
});

test.bare("of a large file that has changed, only what differs travels", {
  agentOnly,
}, async (rig) => {
  await using bench = new SyncRig(rig);
  const path = join(bench.local, "big");
  await writeNoise(path, 100 * MEGABYTE);
  const empty = await received(rig);
  await bench.sync();
  assert(await received(rig) - empty > 100 * MEGABYTE, "all of it has travelled");
  using file = await Deno.open(path, { write: true });
  await file.seek(50 * MEGABYTE, Deno.SeekMode.Start);
  await file.write(new Uint8Array(100_000));
  const before = await received(rig);
  await bench.sync();
  const travelled = await received(rig) - before;
  assert(travelled < 20 * MEGABYTE, `${travelled} bytes travelled`);
  assertEquals(await digest(join(bench.remote, "big")), await digest(path));
});

test.bare("over a slow link, what compresses is compressed", { agentOnly }, async (rig) => {
  await using bench = new SyncRig(rig);
  const text = "All work and no play makes Jack a dull boy.\n".repeat(23_000);
  for (let i = 0; i < 60; i++) Deno.writeTextFileSync(join(bench.local, `f${i}`), `${i} ${text}`);
  const before = await received(rig);
  await rig.verb("shape", "rate", "6mbit");
  try {
    await bench.sync();
  } finally {
    await rig.verb("unshape");
  }
  const travelled = await received(rig) - before;
  assert(travelled < 30 * MEGABYTE, `${travelled} bytes of 60 MB travelled`);
  assertEquals(bench.remoteContents(), contents(bench.local));
});

test.bare("killed while it downloads: no torn file here, and the next run completes it", {
  agentOnly,
}, async (rig) => {
  await using bench = new SyncRig(rig);
  edit(bench.local, { "a": "old", "big": "old" });
  await bench.sync();
  await writeNoise(join(bench.remote, "big"), 100 * MEGABYTE);
  await rig.verb("shape", "rate", "100mbit");
  try {
    await using child = bench.spawn();
    await until("the download has begun", () => temporaryBytes(bench) > 5 * MEGABYTE);
    child.kill("SIGKILL");
    await child.wait();
    assertEquals(Deno.readTextFileSync(join(bench.local, "big")), "old");
  } finally {
    await rig.verb("unshape");
  }
  await bench.sync();
  assertEquals(await digest(join(bench.local, "big")), await digest(join(bench.remote, "big")));
});

test.bare("a link that is cut in the middle is waited for", { agentOnly }, async (rig) => {
  await using bench = new SyncRig(rig);
  await writeNoise(join(bench.local, "big"), 60 * MEGABYTE);
  await rig.verb("shape", "rate", "100mbit");
  try {
    await using child = bench.spawn({ "reconnect-wait": "40s" });
    await until("the upload has begun", () => stagedBytes(bench) > 5 * MEGABYTE);
    await rig.verb("drop-sessions");
    await rig.verb("unshape");
    assertEquals(await child.wait(300_000), 0, child.output);
  } finally {
    await rig.verb("unshape");
  }
  assertEquals(await digest(join(bench.remote, "big")), await digest(join(bench.local, "big")));
});

test.bare("a local folder that has become empty deletes nothing", { agentOnly }, async (rig) => {
  await using bench = new SyncRig(rig);
  edit(bench.local, { "a": "1", "d/b": "2" });
  await bench.sync();
  Deno.removeSync(bench.local, { recursive: true });
  Deno.mkdirSync(bench.local);
  await using child = bench.spawn();
  assertEquals(await child.wait(), 7, child.output);
  assertMatch(child.stderr, /is empty: nothing is deleted/);
  assertEquals(bench.remoteContents(), { "a": "1", "d": "/", "d/b": "2" });
});

test.bare("both sides edit one file: nothing is lost", { agentOnly }, async (rig) => {
  await using bench = new SyncRig(rig);
  edit(bench.local, { "a": "0" });
  await bench.sync();
  edit(bench.local, { "a": "mine" });
  await bench.remoteWrite("a", "theirs");
  const said = await bench.sync();
  assertMatch(said, /1 conflict/);
  assertEquals(bench.remoteContents(), { "a": "mine" });
  const kept = [...files(join(bench.base, "state"))].filter((path) => path.endsWith("/content"));
  assertEquals(kept.map((path) => Deno.readTextFileSync(path)), ["theirs"]);
});

test.bare("watched: a change on either side is soon on the other", { agentOnly }, async (rig) => {
  await using bench = new SyncRig(rig);
  edit(bench.local, { "a": "1" });
  await using child = bench.spawn({ watch: "" });
  await child.waitFor(/Synced/);
  edit(bench.local, { "a": "2", "d/b": "3" });
  await until("all of it is there", () => {
    assertEquals(bench.remoteContents(), { "a": "2", "d": "/", "d/b": "3" });
    return true;
  });
  await bench.remoteWrite("d/c", "4");
  await until("it is here", () => contents(bench.local)["d/c"] === "4");
  child.kill("SIGTERM");
  assertEquals(await child.wait(), 0, child.output);
});

/** Random bytes, which no layer can shorten. */
async function writeNoise(path: string, bytes: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const chunk = new Uint8Array(MEGABYTE);
  for (let at = 0; at < chunk.length; at += 65_536) {
    crypto.getRandomValues(chunk.subarray(at, at + 65_536));
  }
  for (let i = 0; i < bytes / MEGABYTE; i++) {
    new DataView(chunk.buffer).setUint32(0, i);
    await file.write(chunk);
  }
}

/** How many bytes have come to the remote host from outside since it was started. */
async function received(rig: Rig): Promise<number> {
  const devices = await rig.verb("exec", "cat", "/proc/net/dev");
  const [, bytes] = devices.match(/^\s*eth0:\s*(\d+)/m) ?? [];
  return Number(bytes);
}

async function digest(path: string): Promise<string> {
  const sum = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(sum).toHex();
}

function stagedBytes(bench: SyncRig): number {
  return sizeOf(join(bench.remote, STAGING));
}

function temporaryBytes(bench: SyncRig): number {
  const names = [...Deno.readDirSync(bench.local)].filter(({ name }) => name.endsWith(".tmp"));
  return names.reduce((sum, { name }) => sum + Deno.statSync(join(bench.local, name)).size, 0);
}

function sizeOf(directory: string): number {
  let sum = 0;
  for (const path of files(directory)) sum += Deno.statSync(path).size;
  return sum;
}

function* files(directory: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    const path = join(directory, name);
    if (isDirectory) yield* files(path);
    else yield path;
  }
}
