import { join } from "node:path";
import { AgentError } from "../../../../lib/errors.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { LocalShell } from "../../../support/local_shell.ts";
import { contents, edit, SyncBench } from "../harness.ts";

const ODD_NAMES = [
  "-dash",
  " blank ",
  "new\nline",
  "quo'te\"s",
  "$(x) `y` ;|&",
  "ü-é-漢字",
  "*?[a]",
];

Deno.test("a tree with everything in it arrives, and comes back changed", async () => {
  await using bench = new SyncBench();
  const odd = Object.fromEntries(ODD_NAMES.map((name) => [name, `in ${name}`]));
  edit(bench.local, { "a": "1", "d/e/f": "2", "empty/": "", "none": "", ...odd });
  edit(join(bench.local, "odd\ndir"), odd);
  Deno.chmodSync(join(bench.local, "a"), 0o755);
  Deno.utimeSync(join(bench.local, "a"), 1_000_000, 1_000_000);
  Deno.symlinkSync("a", join(bench.local, "link"));
  Deno.symlinkSync("/nowhere/at all", join(bench.local, "away"));
  await bench.session.flush();
  assertEquals(contents(bench.remote), contents(bench.local));
  const arrived = Deno.lstatSync(join(bench.remote, "a"));
  assertEquals((arrived.mode ?? 0) & 0o111, 0o111);
  assertEquals(arrived.mtime?.getTime(), 1_000_000_000);

  edit(bench.remote, { "a": "changed", "d/e/f": null, "d/n": "new", "-dash": "other" });
  Deno.symlinkSync("b", join(bench.remote, "link2"));
  Deno.chmodSync(join(bench.remote, "none"), 0o777);
  await bench.session.flush();
  assertEquals(contents(bench.local), contents(bench.remote));
  assertEquals((Deno.lstatSync(join(bench.local, "none")).mode ?? 0) & 0o111, 0o111);
});

Deno.test("both changed one file: the local one wins, the other is kept and restored", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "0", "b": "0" });
  await bench.session.flush();
  edit(bench.local, { "a": "mine" });
  edit(bench.remote, { "a": "theirs" });
  await bench.session.flush();
  assertEquals(contents(bench.remote), { "a": "mine", "b": "0" });
  const [kept] = bench.session.conflicts.list();
  assertEquals(Deno.readTextFileSync(kept?.kept ?? ""), "theirs");
  assertEquals(kept?.local, join(bench.local, "a"));

  assert(await bench.session.conflicts.restore(kept?.id ?? ""));
  assertEquals(contents(bench.local)["a"], "theirs");
  const [swapped] = bench.session.conflicts.list();
  assertEquals(Deno.readTextFileSync(swapped?.kept ?? ""), "mine");
  await bench.session.flush();
  assertEquals(contents(bench.remote)["a"], "theirs");
});

Deno.test("an agent that lost its index finds both sides equal, and no conflict", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1", "d/b": "2" });
  await bench.session.flush();
  Deno.removeSync(join(bench.state, "agreed.ndjson"));
  await bench.restart();
  await bench.session.flush();
  assertEquals(bench.session.info().conflicts, 0);
  assertEquals(bench.session.info().files, 3);
});

Deno.test("a restarted agent knows what was deleted meanwhile", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1", "b": "2", "c": "3" });
  await bench.session.flush();
  await bench.restart();
  edit(bench.local, { "a": null });
  edit(bench.remote, { "b": null });
  await bench.session.flush();
  assertEquals([contents(bench.local), contents(bench.remote)], [{ c: "3" }, { c: "3" }]);
});

const CALAMITIES: [string, (bench: SyncBench) => void, RegExp][] = [
  ["emptied", ({ local }) => edit(local, { "a": null, "b": null }), /is empty: nothing is deleted/],
  ["replaced by an empty one", ({ local }) => {
    Deno.removeSync(local, { recursive: true });
    Deno.mkdirSync(local);
  }, /is empty: nothing is deleted/],
  ["gone", ({ local }) => Deno.removeSync(local, { recursive: true }), /has vanished/],
  ["replaced by a file", ({ local }) => {
    Deno.removeSync(local, { recursive: true });
    Deno.writeTextFileSync(local, "");
  }, /is no folder any more/],
];

for (const [what, happen, message] of CALAMITIES) {
  Deno.test(`a local root that is ${what} halts the session and deletes nothing`, async () => {
    await using bench = new SyncBench();
    edit(bench.local, { "a": "1", "b": "2" });
    await bench.session.flush();
    happen(bench);
    const error = await assertRejects(() => bench.session.flush(), AgentError);
    assert(message.test(error.message), error.message);
    assertEquals(bench.session.info().state, "halted");
    assertEquals(contents(bench.remote), { "a": "1", "b": "2" });
  });
}

Deno.test("an emptied remote copy deletes nothing here, unless a container did it", async () => {
  for (const used of [false, true]) {
    await using bench = new SyncBench({ used });
    edit(bench.local, { "a": "1", "b": "2" });
    await bench.session.flush();
    edit(bench.remote, { "a": null, "b": null });
    if (used) await bench.session.flush();
    else await assertRejects(() => bench.session.flush(), AgentError);
    assertEquals(contents(bench.local), used ? {} : { "a": "1", "b": "2" });
  }
});

Deno.test("deletions are carried out once they are said to be intended", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1", "b": "2" });
  await bench.session.flush();
  edit(bench.local, { "a": null, "b": null });
  await assertRejects(() => bench.session.flush(), AgentError);
  bench.session.resume();
  await bench.session.flush();
  assertEquals(contents(bench.remote), {});
});

Deno.test("a remote copy that is gone is made again", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1", "d/b": "2" });
  await bench.session.flush();
  Deno.removeSync(bench.remote, { recursive: true });
  await bench.session.flush();
  assertEquals(contents(bench.remote), { "a": "1", "d": "/", "d/b": "2" });
});

Deno.test("a directory that took the place of a remote file can be deleted like any other", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a/": "", "b": "1", "c": "1" });
  edit(bench.remote, { "a": "a file" });
  await bench.session.flush();
  assertEquals(contents(bench.remote), { "a": "/", "b": "1", "c": "1" });
  edit(bench.local, { "a": null });
  await bench.session.flush();
  assertEquals(contents(bench.remote), { "b": "1", "c": "1" });
});

Deno.test("a file that is written all the time holds up nobody", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "busy": "0", "a": "1" });
  await bench.session.flush();
  edit(bench.local, { "a": "2" });
  let count = 0;
  const writing = setInterval(() => edit(bench.local, { "busy": `${count++}` }), 1);
  await bench.session.flush();
  clearInterval(writing);
  assertEquals(contents(bench.remote)["a"], "2");
  await bench.session.flush();
  assertEquals(contents(bench.remote), contents(bench.local));
});

Deno.test("ignored paths stay where they are on each side", async () => {
  await using bench = new SyncBench({ ignore: ["*.tmp"] });
  const rules = { ".remote-docker-agent-ignore": "node_modules/\n!keep.tmp\n" };
  edit(bench.local, { ...rules, "a": "1", "node_modules/l": "1", "x.tmp": "l" });
  edit(bench.remote, { "node_modules/r": "1", "y.tmp": "r" });
  await bench.session.flush();
  assertEquals(contents(bench.local)["node_modules/r"], undefined);
  assertEquals(contents(bench.remote), {
    ...rules,
    "a": "1",
    "node_modules": "/",
    "node_modules/r": "1",
    "y.tmp": "r",
  });
});

Deno.test("a directory deleted here stays there for what was ignored in it, and here it stays away", async () => {
  await using bench = new SyncBench({ ignore: ["*.o"] });
  edit(bench.local, { "d/a": "1", "b": "1" });
  await bench.session.flush();
  edit(bench.remote, { "d/a.o": "object" });
  edit(bench.local, { "d": null });
  await bench.session.flush();
  await bench.session.flush();
  assertEquals(contents(bench.local), { "b": "1" });
  assertEquals(contents(bench.remote), { "b": "1", "d": "/", "d/a.o": "object" });
});

Deno.test("what cannot be synced is told, and the rest goes on", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1" });
  await new Deno.Command("mkfifo", { args: [join(bench.local, "pipe")] }).output();
  await bench.session.flush();
  await new Deno.Command("sh", {
    args: ["-c", "touch \"$(printf 'bad\\377name')\"; mkfifo p"],
    cwd: bench.remote,
  }).output();
  edit(bench.remote, { "b": "2" });
  await bench.session.flush();
  assertEquals(Deno.readTextFileSync(join(bench.local, "b")), "2");
  const reasons = bench.session.info().problems.map(({ reason }) => reason).sort();
  assertEquals(reasons, [
    "it is a pipe",
    "it is a pipe (on the remote host)",
    "its name is not UTF-8 (on the remote host)",
  ]);
});

Deno.test("a single file stays the same file for whoever has it open, and follows renames", async () => {
  await using bench = new SyncBench({ only: "conf" });
  edit(bench.local, { "conf": "1", "other": "x" });
  await bench.session.flush();
  assertEquals(contents(bench.remote), { "conf": "1" });
  const inode = Deno.lstatSync(join(bench.remote, "conf")).ino;
  edit(bench.local, { "conf.new": "2" });
  Deno.renameSync(join(bench.local, "conf.new"), join(bench.local, "conf"));
  await bench.session.flush();
  assertEquals(contents(bench.remote), { "conf": "2" });
  assertEquals(Deno.lstatSync(join(bench.remote, "conf")).ino, inode);
  edit(bench.remote, { "conf": "3" });
  await bench.session.flush();
  assertEquals(contents(bench.local), { "conf": "3", "other": "x" });
});

Deno.test("a single file that vanishes is deleted nowhere, and followed when it is back", async () => {
  await using bench = new SyncBench({ only: "conf", used: true });
  edit(bench.local, { "conf": "1" });
  await bench.session.flush();
  for (const side of [bench.local, bench.remote]) {
    edit(side, { "conf": null });
    await assertRejects(() => bench.session.flush(), AgentError, "has vanished");
    edit(side, { "conf": `again in ${side}` });
    await bench.session.flush();
    assertEquals(contents(bench.local), contents(bench.remote));
  }
});

Deno.test("one way: remote changes stay there", async () => {
  await using bench = new SyncBench({ mode: "one-way-safe" });
  edit(bench.local, { "a": "1", "b": "1" });
  await bench.session.flush();
  edit(bench.remote, { "a": "theirs", "new": "theirs" });
  edit(bench.local, { "b": "2" });
  await bench.session.flush();
  assertEquals(contents(bench.local), { "a": "1", "b": "2" });
  assertEquals(contents(bench.remote), { "a": "theirs", "b": "2", "new": "theirs" });
});

Deno.test("a cut in the middle leaves the remote tree as it was, and the next flush completes it", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "old", "d/b": "old" });
  await bench.session.flush();
  const big = "x".repeat(300_000);
  edit(bench.local, { "a": big, "d/b": "new", "c": big });
  const shells = [new LocalShell(), new LocalShell(), new LocalShell(), new LocalShell()];
  for (const shell of [...shells, new LocalShell(), new LocalShell(), new LocalShell()]) {
    shell.cutAfter(200_000);
    bench.shell = shell;
  }
  await assertRejects(() => bench.session.flush(), AgentError, "Cut by the test");
  assertEquals(contents(bench.remote), { "a": "old", "d": "/", "d/b": "old" });
  bench.shell = new LocalShell();
  await bench.session.flush();
  assertEquals(contents(bench.remote), contents(bench.local));
});

Deno.test("what changes after a look that found nothing is found, on either side", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1", "d/b": "2", "d/c": "3", "e/f": "4" });
  const old = new Date(Date.now() - 60_000);
  // Flushed until a look finds nothing younger than itself.
  for (let i = 0; i < 4; i++) await bench.session.flush();
  for (const root of [bench.local, bench.remote]) {
    Deno.writeTextFileSync(join(root, "d/b"), `of ${root === bench.local}`);
    Deno.utimeSync(join(root, "d/b"), old, old);
    for (let i = 0; i < 4; i++) await bench.session.flush();
    assertEquals(contents(bench.local), contents(bench.remote));
    assertEquals(contents(bench.local)["d/b"], `of ${root === bench.local}`);
  }
  for (const [root, path] of [[bench.local, "d/c"], [bench.remote, "e/f"], [bench.local, "a"]]) {
    Deno.removeSync(join(root ?? "", path ?? ""));
    for (let i = 0; i < 4; i++) await bench.session.flush();
    assertEquals(contents(bench.local), contents(bench.remote));
    assertEquals(path !== undefined && path in contents(bench.local), false);
  }
});

Deno.test("a remote copy that is forgotten is filled again although nothing has changed here", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1", "d/b": "2" });
  for (let i = 0; i < 4; i++) await bench.session.flush();
  bench.session.forget();
  Deno.removeSync(bench.remote, { recursive: true });
  Deno.mkdirSync(bench.remote);
  await bench.session.flush();
  assertEquals(contents(bench.remote), contents(bench.local));
});

Deno.test("what is no longer ignored travels, although it has not changed", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { ".remote-docker-agent-ignore": "out", "a": "1" });
  await bench.session.flush();
  edit(bench.remote, { "out/there": "1" });
  for (let i = 0; i < 4; i++) await bench.session.flush();
  edit(bench.local, { ".remote-docker-agent-ignore": "" });
  await bench.session.flush();
  assertEquals(contents(bench.local)["out/there"], "1");
});
