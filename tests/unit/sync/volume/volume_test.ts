/** A session whose copy is a volume: the archives are real, and so is all that makes and reads them. */
import { join } from "node:path";
import { configureLogging, logger } from "../../../../lib/log.ts";
import { Session } from "../../../../lib/sync/session/session.ts";
import { EngineShell } from "../../../../lib/sync/volume/engine_shell.ts";
import { ArchiveEngine } from "../../../support/archive_engine.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { until } from "../../../support/poll.ts";
import { contents, edit } from "../harness.ts";

configureLogging({ level: "error", format: "text", write: () => {} });

/** A folder, the engine, and a session between them. */
class VolumeBench {
  readonly engine = new ArchiveEngine();
  readonly base: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "rda-volume-" }));
  readonly local: string = join(this.base, "local");
  session: Session;

  constructor() {
    Deno.mkdirSync(this.local);
    Deno.mkdirSync(join(this.base, "state"));
    this.session = this.#open();
  }

  get volume(): string {
    return this.engine.volume;
  }

  async restart(): Promise<void> {
    await this.session.close();
    this.session = this.#open();
  }

  #open(): Session {
    const shell = new EngineShell(this.engine.calls, "me");
    const record = {
      id: "0123456789abcdef",
      root: this.local,
      mode: "two-way-safe",
      ignore: [],
      remotePath: "remote-docker-agent-0123456789abcdef",
      staging: "staging",
      remote: "test",
      volume: true,
      containers: {},
    } as const;
    return new Session(join(this.base, "state"), record, {
      shell: () => Promise.resolve(shell),
      platform: Deno.build.os,
      ignoresCase: false,
      gitignore: false,
      log: logger("sync"),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.close();
    await this.engine[Symbol.asyncDispose]();
    await Deno.remove(this.base, { recursive: true });
  }
}

Deno.test("a tree with everything in it arrives in a volume, and comes back changed", async () => {
  await using bench = new VolumeBench();
  const { local, session } = bench;
  const tree = {
    "a.txt": "a",
    "dir/sub/b.txt": "b",
    "empty/": "",
    "odd \n'\"\\ ü": "odd",
    [`${"long/".repeat(30)}name`]: "far down",
    "large": "x".repeat(300_000),
  };
  edit(local, tree);
  Deno.symlinkSync("dir/sub/b.txt", join(local, "link"));
  Deno.chmodSync(join(local, "a.txt"), 0o751);
  Deno.chmodSync(local, 0o770);
  await session.flush();
  assertEquals(contents(bench.volume), contents(local));
  assertEquals((Deno.statSync(join(bench.volume, "a.txt")).mode ?? 0) & 0o777, 0o751);
  assertEquals((Deno.statSync(bench.volume).mode ?? 0) & 0o777, 0o770);

  edit(bench.volume, { "a.txt": "changed", "dir": null, "new/c.txt": "c" });
  // Another name of a file is a file of its own here.
  Deno.linkSync(join(bench.volume, "large"), join(bench.volume, "second"));
  await session.flush();
  assertEquals(contents(local), contents(bench.volume));
  assertEquals(Deno.readTextFileSync(join(local, "second")).length, 300_000);
  await until("the container for files is gone", () => !bench.engine.hasHelper);
});

Deno.test("the same size in the same second is a change all the same", async () => {
  await using bench = new VolumeBench();
  edit(bench.local, { "n": "1" });
  await bench.session.flush();
  const { mtime } = Deno.statSync(join(bench.volume, "n"));
  assert(mtime !== null);
  edit(bench.volume, { "n": "2" });
  Deno.utimeSync(join(bench.volume, "n"), mtime, mtime);
  await bench.session.flush();
  assertEquals(Deno.readTextFileSync(join(bench.local, "n")), "2");
});

Deno.test("what is deleted here is deleted there, and nothing else", async () => {
  await using bench = new VolumeBench();
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`out/obj/${i}.o`, `${i}`]));
  edit(bench.local, { ...many, "mixed/old": "old", "mixed/kept": "kept", "dir-to-file/x": "x" });
  await bench.session.flush();
  edit(bench.local, { "out": null, "mixed": null, "dir-to-file": null });
  edit(bench.local, { "dir-to-file": "a file now" });
  edit(bench.volume, { "mixed/kept": "changed there" });
  bench.engine.asked.length = 0;
  await bench.session.flush();
  const expected = { "dir-to-file": "a file now", "mixed": "/", "mixed/kept": "changed there" };
  assertEquals(contents(bench.volume), expected);
  assertEquals(contents(bench.local), expected);
  // A directory that goes as a whole takes one request.
  assert(bench.engine.asked.filter((each) => each.startsWith("PUT")).length < 10);
});

Deno.test("both changed: the local one wins, the other is kept", async () => {
  await using bench = new VolumeBench();
  edit(bench.local, { "f": "one" });
  await bench.session.flush();
  edit(bench.local, { "f": "ours" });
  edit(bench.volume, { "f": "theirs" });
  await bench.session.flush();
  assertEquals(contents(bench.volume), { f: "ours" });
  const [conflict] = bench.session.conflicts.list();
  assertEquals(conflict && Deno.readTextFileSync(conflict.kept), "theirs");
});

Deno.test("an agent that starts anew knows what was deleted meanwhile, on either side", async () => {
  await using bench = new VolumeBench();
  edit(bench.local, { "here": "h", "there": "t", "both": "b" });
  await bench.session.flush();
  await bench.restart();
  edit(bench.local, { "here": null });
  edit(bench.volume, { "there": null });
  await bench.session.flush();
  assertEquals([contents(bench.local), contents(bench.volume)], [{ both: "b" }, { both: "b" }]);
});

Deno.test("a volume that was removed is filled again; one that was emptied deletes nothing", async () => {
  await using bench = new VolumeBench();
  edit(bench.local, { "a": "a", "b": "b" });
  await bench.session.flush();
  await until("the session is at rest", () => !bench.engine.hasHelper);
  Deno.removeSync(bench.volume, { recursive: true });
  await bench.session.flush();
  assertEquals(contents(bench.volume), { a: "a", b: "b" });
  edit(bench.volume, { "a": null, "b": null });
  await assertRejects(() => bench.session.flush(), Error, "nothing is deleted");
  assertEquals(contents(bench.local), { a: "a", b: "b" });
});

Deno.test("a container for files that somebody removes is made again", async () => {
  await using bench = new VolumeBench();
  edit(bench.local, { "a": "a" });
  await bench.session.flush();
  bench.session.update({ containers: { c: "c" } });
  await bench.session.watch(true);
  await until("the session watches", () => bench.session.info().state === "watching");
  bench.engine.pruneContainers();
  edit(bench.local, { "b": "b" });
  edit(bench.volume, { "c": "c" });
  await bench.session.flush();
  assertEquals(contents(bench.volume), { a: "a", b: "b", c: "c" });
  assertEquals(contents(bench.local), { a: "a", b: "b", c: "c" });
});

Deno.test("an upload that was cut off makes no conflict, and takes nothing back", async () => {
  await using bench = new VolumeBench();
  const [old, long] = ["old", "long ".repeat(100_000)];
  edit(bench.local, { "replaced": old, "reverted": old });
  await bench.session.flush();
  edit(bench.local, { "replaced": long, "reverted": long, "new": long });
  bench.engine.cutAfter(200_000);
  await assertRejects(() => bench.session.flush());
  // As the engine leaves the file that it was writing.
  for (const name of ["replaced", "reverted", "new"]) {
    edit(bench.volume, { [name]: long.slice(0, 1000) });
  }
  edit(bench.local, { "reverted": old });
  await bench.restart();
  bench.engine.cutAfter(undefined);
  await bench.session.flush();
  const whole = { "new": long, "replaced": long, "reverted": old };
  assertEquals([contents(bench.local), contents(bench.volume)], [whole, whole]);
  const kept = bench.session.conflicts.list().map(({ local }) => local);
  assertEquals(kept, [join(bench.local, "reverted")]);
});
