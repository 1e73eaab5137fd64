/** Hashes made beside the sending: the same as made of the bytes, and only of the state that was seen. */
import { join } from "node:path";
import { look, readContent } from "../../../../lib/sync/local/tree.ts";
import { LargeHashes } from "../../../../lib/sync/transfer/large_hashes.ts";
import { assert, assertEquals } from "../../../support/assert.ts";
import { contents, edit, SyncBench } from "../harness.ts";

const BYTES = 40_000_000;

/** Two large files, and what is needed to hash them. */
function large(bench: SyncBench) {
  edit(bench.local, { a: "a".repeat(BYTES), b: "b".repeat(BYTES), small: "small" });
  const tree = { root: bench.local, platform: Deno.build.os };
  const puts = ["a", "b", "small"].map((path) => {
    const seen = look(tree, path, undefined);
    assert(seen !== undefined && "entry" in seen);
    return { path, entry: seen.entry, stamp: seen.stamp };
  });
  return { tree, puts };
}

Deno.test("a thread makes the hashes of large files, and of no others", async () => {
  await using bench = new SyncBench();
  const { tree, puts } = large(bench);
  using hashes = new LargeHashes(tree, [puts]);
  for (const { path, entry: { size }, stamp } of puts) {
    const hash = hashes.of(path, size, stamp);
    assertEquals(hash === undefined, path === "small");
    if (hash !== undefined) assertEquals(await hash.end(), await readContent(tree, path, stamp));
  }
});

Deno.test("a file that is not what was seen has no hash", async () => {
  await using bench = new SyncBench();
  const { tree, puts } = large(bench);
  using hashes = new LargeHashes(tree, [puts]);
  edit(bench.local, { a: "c".repeat(BYTES), b: null });
  for (const { path, entry: { size }, stamp } of puts.slice(0, 2)) {
    assertEquals(await hashes.of(path, size, stamp)?.end(), undefined);
  }
});

Deno.test("without the thread the hash is made all the same", async () => {
  await using bench = new SyncBench();
  const { tree, puts: [first, ...rest] } = large(bench);
  assert(first !== undefined);
  const { path, entry: { size }, stamp } = first;
  const hashes = new LargeHashes(tree, [[first, ...rest]]);
  const asked = hashes.of(path, size, stamp);
  hashes[Symbol.dispose]();
  const wanted = await readContent(tree, path, stamp);
  assertEquals(await asked?.end(), wanted);
  assertEquals(await hashes.of(path, size, stamp)?.end(), wanted);
});

Deno.test("what both sides agree on after a large upload is what is there", async () => {
  await using bench = new SyncBench();
  large(bench);
  await bench.session.flush();
  assertEquals(contents(bench.remote), contents(bench.local));
  // A touch is no change: the content that was agreed on is that of the file.
  Deno.utimeSync(join(bench.local, "a"), 1, 1);
  const before = Deno.statSync(join(bench.remote, "a")).ino;
  await bench.session.flush();
  assertEquals(Deno.statSync(join(bench.remote, "a")).ino, before);
});
