/** Large files: only what differs travels, and what has arrived before a cut is not sent again. */
import { join } from "node:path";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { MAX_UNDER_WAY_BYTES } from "../../../../lib/transport/remote_files.ts";
import { LARGE } from "../../../../lib/sync/transfer/large_keep.ts";
import { hasSftpServer, LocalSftp } from "../../../support/local_sftp.ts";
import { LocalShell } from "../../../support/local_shell.ts";
import { SyncBench } from "../harness.ts";

const SIZE = 24_000_000;
/** A little more than is large; both ends of the way are in this process. */
const SFTP_SIZE = 10_000_000;

Deno.test("of a large file that has changed, only what differs travels", async () => {
  await using bench = new SyncBench();
  const bytes = noise(SIZE);
  const here = join(bench.local, "-d ü/b'i g");
  const there = join(bench.remote, "-d ü/b'i g");
  Deno.mkdirSync(join(bench.local, "-d ü"));
  Deno.writeFileSync(here, bytes);
  await bench.session.flush();
  assertEquals(Deno.readFileSync(there), bytes);
  bytes.fill(7, 1_000_000, 1_100_000);
  const longer = new Uint8Array([1, 2, 3, ...bytes.subarray(0, 100), ...bytes.subarray(100)]);
  Deno.writeFileSync(here, longer, { mode: 0o600 });
  bench.shell = limited(3_000_000);
  await bench.session.flush();
  assertEquals(Deno.readFileSync(there), longer);
  assertEquals(leftBehind(bench), []);
});

Deno.test("a large upload that is cut off goes on where it was", async () => {
  await using bench = new SyncBench();
  const bytes = noise(SIZE);
  Deno.writeTextFileSync(join(bench.local, "a"), "small");
  Deno.writeFileSync(join(bench.local, "big"), bytes);
  bench.shell = limited(20_000_000);
  await assertRejects(() => bench.session.flush());
  assertEquals([...Deno.readDirSync(bench.remote)], [], "nothing of it is to be seen");
  bench.shell = limited(8_000_000);
  await bench.session.flush();
  assertEquals(Deno.readFileSync(join(bench.remote, "big")), bytes);
  assertEquals(leftBehind(bench), []);
});

Deno.test({
  name: "a large upload by SFTP that is cut off goes on where it was",
  ignore: !hasSftpServer(),
  sanitizeResources: false, // ssh2 leaves the cipher of a packet that was cut to the collector
  async fn() {
    const links = [new LocalSftp(), new LocalSftp(), new LocalSftp()] as const;
    try {
      await using bench = new SyncBench();
      const bytes = noise(SFTP_SIZE);
      Deno.writeFileSync(join(bench.local, "big"), bytes);
      bench.shell = links[0];
      // An answer to each 32 KiB: somewhere in the middle.
      links[0].cutAfter(12_000);
      await assertRejects(() => bench.session.flush());
      // The server writes on after a cut what had reached it.
      await links[0].close();
      assertEquals([...Deno.readDirSync(bench.remote)], [], "nothing of it is to be seen");
      const large = join(bench.base, "remote", "staging", LARGE);
      const [part] = [...Deno.readDirSync(large)].map(({ name }) => join(large, name));
      assert(part !== undefined);
      const { size } = Deno.statSync(part);
      assert(size > 2 * MAX_UNDER_WAY_BYTES && size < SFTP_SIZE, `${size}`);
      // What is certain to be there is not sent again, the rest is.
      const marked = bytes.slice();
      marked.set([1, 2, 3]);
      const after = size - MAX_UNDER_WAY_BYTES;
      using file = Deno.openSync(part, { write: true });
      file.writeSync(marked.subarray(0, 3));
      file.seekSync(after, Deno.SeekMode.Start);
      file.writeSync(new Uint8Array(1000));
      bench.shell = links[1];
      await bench.session.flush();
      assertEquals(Deno.readFileSync(join(bench.remote, "big")), marked);
      assertEquals([...Deno.readDirSync(large)], []);
      // Another state of the file has nothing to do with an earlier part.
      bytes.fill(9, 0, 10);
      Deno.writeFileSync(join(bench.local, "big"), bytes);
      bench.shell = links[2];
      await bench.session.flush();
      assertEquals(Deno.readFileSync(join(bench.remote, "big")), bytes);
    } finally {
      for (const link of links) await link.close();
    }
  },
});

Deno.test("a large file that changes while it is sent is sent as it is in the end", async () => {
  await using bench = new SyncBench();
  const path = join(bench.local, "big");
  const bytes = noise(SIZE);
  Deno.writeFileSync(path, bytes);
  await bench.session.flush();
  bytes.fill(1, 0, 10);
  Deno.writeFileSync(path, bytes);
  const flushed = bench.session.flush();
  bytes.fill(2, 0, 10);
  Deno.writeFileSync(path, bytes);
  await flushed;
  await bench.session.flush();
  assertEquals(Deno.readFileSync(join(bench.remote, "big")), bytes);
});

Deno.test("of a large file that has changed there, only what differs comes here", async () => {
  await using bench = new SyncBench();
  const bytes = noise(SIZE);
  Deno.mkdirSync(join(bench.local, "-d ü"));
  const here = join(bench.local, "-d ü/b'i g");
  Deno.writeFileSync(here, bytes, { mode: 0o640 });
  await bench.session.flush();
  bytes.fill(7, 1_000_000, 1_100_000);
  Deno.writeFileSync(join(bench.remote, "-d ü/b'i g"), bytes);
  bench.shell = limited(3_000_000);
  await bench.session.flush();
  assertEquals(Deno.readFileSync(here), bytes);
  assertEquals((Deno.statSync(here).mode ?? 0) & 0o777, 0o640);
  assertEquals([...Deno.readDirSync(join(bench.local, "-d ü"))].length, 1);
});

Deno.test("a large download that is cut off goes on where it was", async () => {
  await using bench = new SyncBench();
  const bytes = noise(SIZE);
  await bench.session.flush();
  Deno.writeFileSync(join(bench.remote, "big"), bytes);
  bench.shell = limited(20_000_000);
  await assertRejects(() => bench.session.flush());
  assertEquals([...Deno.readDirSync(bench.local)].filter(({ name }) => name === "big"), []);
  bench.shell = limited(8_000_000);
  await bench.session.flush();
  assertEquals(Deno.readFileSync(join(bench.local, "big")), bytes);
  assertEquals([...Deno.readDirSync(bench.local)].length, 1);
});

Deno.test("the holes of a file stay holes, and do not travel", async () => {
  await using bench = new SyncBench();
  const path = join(bench.local, "image");
  const bytes = noise(100_000);
  using file = Deno.openSync(path, { write: true, createNew: true });
  for (const at of [0, 30_000_000, 30_300_001]) {
    file.seekSync(at, Deno.SeekMode.Start);
    file.writeSync(bytes);
  }
  file.truncateSync(50_000_000);
  bench.shell = limited(1_000_000);
  await bench.session.flush();
  const there = join(bench.remote, "image");
  assertEquals(Deno.readFileSync(there), Deno.readFileSync(path));
  assert((Deno.statSync(there).blocks ?? Infinity) * 512 < 1_000_000, "it has holes");
  file.truncateSync(0);
  file.truncateSync(9_000_000);
  await bench.session.flush();
  assertEquals(Deno.readFileSync(there), new Uint8Array(9_000_000));
});

function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

/** A connection that does not live longer than so many bytes. */
function limited(bytes: number): LocalShell {
  const shell = new LocalShell();
  shell.cutAfter(bytes);
  return shell;
}

/** What is in the staging directory, files only. */
function leftBehind(bench: SyncBench): string[] {
  const staging = join(bench.base, "remote", "staging");
  return [...Deno.readDirSync(staging)].flatMap(({ name }) =>
    [...Deno.readDirSync(join(staging, name))].map((below) => `${name}/${below.name}`)
  );
}
