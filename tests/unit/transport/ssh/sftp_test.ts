import { join } from "node:path";
import { isLostError } from "../../../../lib/errors.ts";
import { RemoteFileError, type RemoteFiles } from "../../../../lib/transport/remote_files.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { folder } from "../../../support/folders.ts";
import { hasSftpServer, LocalSftp } from "../../../support/local_sftp.ts";

const ignore = !hasSftpServer();

function test(name: string, body: (files: RemoteFiles, path: string) => Promise<void>): void {
  Deno.test({
    name,
    ignore,
    fn: async () => {
      await using place = await folder();
      const link = new LocalSftp();
      try {
        await body(await link.files(), place.path);
      } finally {
        await link.close();
      }
    },
  });
}

test("a file goes there and back, with its mode and time", async (files, path) => {
  const content = crypto.getRandomValues(new Uint8Array(60_000));
  const to = await files.create(join(path, "a"));
  for (let n = 0; n < 50; n++) await to.write(content);
  await to.finish({ mode: 0o751, mtime: 1_000_000.9 });
  await to.close();
  const { kind, mode, size, mtime } = await files.lstat(join(path, "a"));
  assertEquals({ kind, mode, size, mtime }, {
    kind: "file",
    mode: 0o751,
    size: 3_000_000,
    mtime: 1_000_000,
  });
  const from = await files.read(join(path, "a"));
  const whole = new Uint8Array(size);
  let at = 0;
  for (let chunk = await from.next(); chunk !== null; chunk = await from.next()) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  await from.close();
  assertEquals(at, size);
  assertEquals(whole, Deno.readFileSync(join(path, "a")));
  assertEquals(whole.subarray(2_940_000), content);
});

test("a file that is written over stays the same one", async (files, path) => {
  Deno.writeTextFileSync(join(path, "a"), "something longer");
  const before = Deno.lstatSync(join(path, "a")).ino;
  const to = await files.overwrite(join(path, "a"));
  await to.write(new TextEncoder().encode("short"));
  await to.finish({ mtime: 5 });
  await to.close();
  assertEquals(Deno.readTextFileSync(join(path, "a")), "short");
  assertEquals(Deno.lstatSync(join(path, "a")).ino, before);
});

test("directories, links and names", async (files, path) => {
  await files.mkdir(join(path, "d"), 0o700);
  await files.symlink("no where", join(path, "d/link"));
  Deno.writeTextFileSync(join(path, "d/new\nline ü"), "");
  const names = await files.list(join(path, "d"));
  const kinds = Object.fromEntries(names.map(({ name, info }) => [name, info.kind]));
  assertEquals(kinds, { "link": "link", "new\nline ü": "file" });
  assertEquals(await files.readlink(join(path, "d/link")), "no where");
  assertEquals(await files.realpath(join(path, "d/../d")), join(path, "d"));
  await files.rename(join(path, "d/new\nline ü"), join(path, "d/link"));
  assertEquals((await files.lstat(join(path, "d/link"))).kind, "file");
  await files.unlink(join(path, "d/link"));
  await files.rmdir(join(path, "d"));
  assertEquals(await files.list(path), []);
  assert((await files.freeBytes(path) ?? 0) > 0);
});

test("what is refused says why", async (files, path) => {
  Deno.writeTextFileSync(join(path, "a"), "");
  const cases: [string, () => Promise<unknown>][] = [
    ["missing", () => files.lstat(join(path, "none"))],
    ["missing", () => files.read(join(path, "none"))],
    ["refused-name", () => files.mkdir(join(path, "x".repeat(300)), 0o700)],
    ["failed", () => files.create(join(path, "a"))],
  ];
  for (const [fault, call] of cases) {
    const error = await assertRejects(call);
    assert(error instanceof RemoteFileError);
    assertEquals(error.fault, fault, error.message);
  }
});

Deno.test({
  name: "a cut ends what is under way, and all that comes after it",
  ignore,
  sanitizeResources: false, // ssh2 leaves the cipher of a packet that was cut to the collector
  fn: async () => {
    await using place = await folder({ a: "x".repeat(5_000_000) });
    const link = new LocalSftp();
    try {
      const files = await link.files();
      link.cutAfter(1_000_000);
      const from = await files.read(join(place.path, "a"));
      const all = async () => {
        while (await from.next() !== null);
      };
      const error = await assertRejects(all);
      assert(isLostError(error), error.message);
      await from.close();
      assertEquals(files.isOpen, false);
      assert(isLostError(await assertRejects(() => files.list("/"))));
    } finally {
      await link.close();
    }
  },
});
