/** Two agents on one state directory do not work on the same folder at once. */
import { join } from "node:path";
import { logger } from "../../../../lib/log.ts";
import { SessionLock, SessionTaken } from "../../../../lib/sync/session/session_lock.ts";
import { assertEquals, assertMatch, assertRejects, assertThrows } from "../../../support/assert.ts";
import { contents, edit, SyncBench } from "../harness.ts";
import { LocalShell } from "../../../support/local_shell.ts";

function locks(directory: string, taken: string[]) {
  return ["a", "b"].map((name) =>
    new SessionLock({
      directory,
      folder: "/src",
      log: logger("sync"),
      onTaken: () => taken.push(name),
    })
  ) as [SessionLock, SessionLock];
}

Deno.test("one holds, and may hold twice; the other is told who it is, and comes next", async () => {
  const directory = Deno.makeTempDirSync();
  const taken: string[] = [];
  const [a, b] = locks(directory, taken);
  const first = a.hold();
  const second = a.hold();
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  const error = assertThrows(() => b.hold(), SessionTaken);
  assertMatch(error.message, /"\/src" is kept in sync by another program \(process \d+\)/);
  const waiting = b.holdSoon(new AbortController().signal);
  second[Symbol.dispose]();
  (await waiting)[Symbol.dispose]();
  a.hold()[Symbol.dispose]();
  assertEquals(taken, ["a", "b", "a"]);
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("what a killed process held is free", async () => {
  const directory = Deno.makeTempDirSync();
  const code = `
    using file = Deno.openSync(${
    JSON.stringify(join(directory, "lock"))
  }, { write: true, create: true });
    file.lockSync(true);
    console.log("held");
    await new Promise((resolve) => setTimeout(resolve, 60_000));`;
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", code], stdout: "piped" })
    .spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const [a] = locks(directory, []);
  assertThrows(() => a.hold(), SessionTaken);
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  a.hold()[Symbol.dispose]();
  Deno.removeSync(directory, { recursive: true });
});

Deno.test("a second session waits while the first works, and knows what that has done", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1", "b": "2" });
  await bench.session.flush();
  const second = bench.another();
  try {
    await bench.session.watch(true);
    await bench.session.flush();
    const refused = await assertRejects(() => second.flush(), SessionTaken);
    assertMatch(refused.message, /kept in sync by another program/);
    assertEquals(second.info().state, "waiting");
    edit(bench.local, { "a": null, "c": "3" });
    await bench.session.flush();
    await bench.session.watch(false);
    // Had it not read the index again, it would take "a" for new, and "c" for a conflict.
    edit(bench.remote, { "c": "changed" });
    await second.flush();
    assertEquals(contents(bench.local), { "b": "2", "c": "changed" });
    assertEquals(second.info().conflicts, 0);
  } finally {
    await second.close();
  }
});

Deno.test("what a killed agent has left is cleared away by the next one", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1" });
  const dead = new Deno.Command("true").spawn();
  await dead.status;
  const name = (pid: number) => `.rda-sync-${pid.toString(16).padStart(8, "0")}01234567.tmp`;
  const others = name(Deno.ppid);
  edit(bench.local, { [name(dead.pid)]: "torn", [`d/${name(dead.pid)}`]: "torn", [others]: "" });
  edit(bench.state, { "session.json.1.tmp": "torn", "conflicts/12345678/content": "torn" });
  for (const path of ["session.json.1.tmp", "conflicts/12345678"]) {
    Deno.utimeSync(join(bench.state, path), 1, 1);
  }
  edit(bench.state, { "session.json.2.tmp": "being written" });
  edit(bench.remote, { "../staging/up.1234/t/a": "torn" });
  bench.shell = new LocalShell();
  await bench.session.flush();
  // Somebody who lives may be writing it.
  assertEquals(contents(bench.local), { [others]: "", "a": "1", "d": "/" });
  assertEquals(contents(bench.remote), { "a": "1", "d": "/" });
  assertEquals(contents(join(bench.remote, "../staging")), {});
  const state = contents(bench.state);
  assertEquals([state["session.json.1.tmp"], state["session.json.2.tmp"]], [
    undefined,
    "being written",
  ]);
  assertEquals(contents(join(bench.state, "conflicts")), {});
});
