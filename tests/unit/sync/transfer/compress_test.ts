/** Compression: when it is worth it, and that what it carries is what was sent. */
import { join } from "node:path";
import { memoryPair } from "../../../../lib/net/memory.ts";
import { ByteReader } from "../../../../lib/sync/byte_reader.ts";
import { openRemoteRoot, probeRemote } from "../../../../lib/sync/remote/root.ts";
import { download } from "../../../../lib/sync/transfer/download.ts";
import { gunzip, GzipWriter } from "../../../../lib/sync/transfer/gzip.ts";
import { LinkRate } from "../../../../lib/sync/transfer/link_rate.ts";
import { uploadAfter } from "../../../../lib/sync/transfer/upload.ts";
import { look } from "../../../../lib/sync/local/tree.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { LocalShell } from "../../../support/local_shell.ts";
import { contents, edit, SyncBench } from "../harness.ts";

const MEGABYTE = 1_000_000;

Deno.test("only a slow link is worth compressing for, and only data that compresses", () => {
  const link = new LinkRate();
  assert(!link.isKnown && !link.compresses, "nothing is known");
  link.note(100, 100, 1000);
  assert(!link.isKnown, "too little to tell");
  link.note(20 * MEGABYTE, 20 * MEGABYTE, 1000);
  assert(link.isKnown && !link.compresses, "20 MB/s");
  link.note(MEGABYTE, MEGABYTE, 1000);
  assert(link.compresses, "1 MB/s");
  link.note(10 * MEGABYTE, 2 * MEGABYTE, 2000);
  assert(link.compresses, "it was worth it");
  link.note(10 * MEGABYTE, 10 * MEGABYTE - 1, 10_000);
  assert(!link.compresses, "it was not");
  link.note(300 * MEGABYTE, 300 * MEGABYTE, 300_000);
  assert(link.compresses, "it is tried again");
});

Deno.test("a first transfer tells on its way how fast the link is, what is under way not counted", () => {
  const link = new LinkRate();
  link.noteSoFar(3 * MEGABYTE, 5_000);
  assert(!link.isKnown, "the host may have taken next to nothing of it");
  link.noteSoFar(5 * MEGABYTE, 5_000);
  assert(link.isKnown && link.compresses, "0.5 MB/s");
  link.noteSoFar(50 * MEGABYTE, 5_000);
  assert(link.compresses, "the end of the transfer tells it better");
  const fast = new LinkRate();
  fast.noteSoFar(5 * MEGABYTE, 100);
  assert(fast.isKnown && !fast.compresses, "24 MB/s");
});

Deno.test("what is written compressed is read back", async () => {
  const [here, there] = memoryPair();
  const bytes = new Uint8Array(MEGABYTE).map((_, i) => i % 251);
  const writer = new GzipWriter(here);
  const sent = (async () => {
    for (let at = 0; at < bytes.length; at += 70_000) {
      await writer.write(bytes.slice(at, at + 70_000));
    }
    await writer.end();
    await here.closeWrite();
  })();
  assertEquals(await gunzip(new ByteReader(there)).all(), bytes);
  await sent;
  here.close();
  there.close();
});

Deno.test("a link that breaks while compressed data is written says so", async () => {
  const broken = new Error("Broken");
  const writer = new GzipWriter({ write: () => Promise.reject(broken) });
  await assertRejects(
    async () => {
      for (let i = 0; i < 1_000; i++) {
        await writer.write(
          crypto.getRandomValues(new Uint8Array(9_999)),
        );
      }
      await writer.end();
    },
    Error,
    "Broken",
  );
  await writer.abort();
});

/** A remote root on this machine, and an upload of `files` to it. */
async function uploadOf(bench: SyncBench, shell: LocalShell, files: Record<string, string>) {
  const facts = await probeRemote(shell);
  const where = { path: bench.remote, staging: `${bench.remote}-staging`, isPlain: true };
  const root = await openRemoteRoot(shell, facts, where);
  edit(bench.local, files);
  const tree = { root: bench.local, platform: Deno.build.os };
  const puts = Object.keys(files).map((path) => {
    const seen = look(tree, path, undefined);
    assert(seen !== undefined && "entry" in seen);
    return { path, entry: seen.entry, seen };
  });
  const work = {
    remove: [],
    removeDirs: [],
    puts,
    remoteSeen: () => undefined,
    localSeen: (path: string) => puts.find((put) => put.path === path)?.seen,
    inPlace: false,
  };
  return { root, tree, work };
}

Deno.test("a batch ends early when the link turns out to be slow", async () => {
  await using bench = new SyncBench();
  const shell = new LocalShell();
  const { root, tree, work } = await uploadOf(bench, shell, { "a": "a", "b": "b", "c": "c" });
  const done = await uploadAfter(Promise.resolve(true), shell, root, tree, {
    ...work,
    onBytes: () => root.link.note(MEGABYTE, MEGABYTE, 10_000),
  });
  assertEquals([...done.put.keys()], ["a"]);
  assertEquals(done.left.map(({ path }) => path), ["b", "c"]);
});

Deno.test("what is left of a batch on a slow link arrives compressed", async () => {
  await using bench = new SyncBench();
  const shell = new LocalShell();
  const commands: string[] = [];
  bench.shell = {
    run: () => shell.run(),
    async spawn(command, options) {
      commands.push(command);
      const process = await shell.spawn(command, options);
      const write = async (chunk: Uint8Array) => {
        // At most 4 MB/s.
        await new Promise((resolve) => setTimeout(resolve, chunk.length / 4_000));
        await process.stdio.write(chunk);
      };
      return { ...process, stdio: { ...process.stdio, write } };
    },
  };
  edit(bench.local, { "d/a": "0".repeat(5 * MEGABYTE), "d/b": "b", "d/c/d": "d" });
  await bench.session.flush();
  assertEquals(contents(bench.remote), contents(bench.local));
  assertEquals(commands.filter((command) => command.includes("gzip -dc")).length, 1);
});

Deno.test("files travel compressed in both directions", async () => {
  await using bench = new SyncBench();
  const shell = new LocalShell();
  const text = "0123456789".repeat(300_000);
  const { root, tree, work } = await uploadOf(bench, shell, { "a": text, "b": "b" });
  root.link.note(MEGABYTE, MEGABYTE, 10_000);
  assert(root.link.compresses);
  // Uncompressed it would not get through.
  shell.cutAfter(MEGABYTE);
  const done = await uploadAfter(Promise.resolve(true), shell, root, tree, work);
  assertEquals([...done.put.keys()], ["a", "b"]);
  assertEquals(Deno.readTextFileSync(join(bench.remote, "a")), text);
  const found: Record<string, string> = {};
  await download(shell, root, ["a", "b"], async (path, _entry, data) => {
    const decoder = new TextDecoder();
    found[path] = "";
    for (let chunk = await data(); chunk !== null; chunk = await data()) {
      found[path] += decoder.decode(chunk, { stream: true });
    }
  });
  assertEquals(found, { "a": text, "b": "b" });
});
