import { memoryPair } from "../../../../lib/net/memory.ts";
import { ByteReader } from "../../../../lib/sync/byte_reader.ts";
import { TarReader } from "../../../../lib/sync/transfer/tar_read.ts";
import { type TarHeader, TarWriter } from "../../../../lib/sync/transfer/tar_write.ts";
import { assertEquals, assertRejects } from "../../../support/assert.ts";

const HEADERS: TarHeader[] = [
  { name: "plain", kind: "file", mode: 0o640, mtime: 1, size: 5 },
  { name: "empty", kind: "file", mode: 0o600, mtime: 0, size: 0 },
  { name: "a block", kind: "file", mode: 0o777, mtime: 2 ** 31, size: 512 },
  { name: "one more", kind: "file", mode: 0o777, mtime: 1_700_000_000.5, size: 513 },
  { name: "d/ü 漢", kind: "dir", mode: 0o755, mtime: 0, size: 0 },
  { name: "new\nline", kind: "file", mode: 0o644, mtime: -1, size: 3 },
  { name: "x/".repeat(60) + "long", kind: "file", mode: 0o644, mtime: 0, size: 1 },
  { name: "link", kind: "link", mode: 0o777, mtime: 0, size: 0, link: "../" + "y".repeat(150) },
];

async function write(headers: readonly TarHeader[]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const writer = new TarWriter({ write: (chunk) => Promise.resolve(void chunks.push(chunk)) });
  for (const header of headers) {
    await writer.entry(header);
    if (header.size > 0) await writer.data(new Uint8Array(header.size).fill(7), header.size);
  }
  await writer.end();
  return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

function readerOf(bytes: Uint8Array, step: number): TarReader {
  let at = 0;
  return new TarReader(
    new ByteReader({
      read: () => {
        const part = bytes.slice(at, at + step);
        at += part.length;
        return Promise.resolve(part.length === 0 ? null : part);
      },
    }),
  );
}

Deno.test("what is written is read back, in pieces of any size", async () => {
  const bytes = await write(HEADERS);
  for (const step of [1, 511, 512, 100_000]) {
    const reader = readerOf(bytes, step);
    for (const { link = "", ...header } of HEADERS) {
      // Whole seconds, but for the times that take a record of their own.
      const mtime = Math.floor(header.mtime);
      assertEquals(await reader.next(), { ...header, mtime, link });
      let read = 0;
      for (let chunk = await reader.data(); chunk !== null; chunk = await reader.data()) {
        read += chunk.length;
      }
      assertEquals(read, header.size);
    }
    assertEquals(await reader.next(), null);
  }
});

Deno.test("a stream that gives chunks back gets the same bytes from two buffers in turn", async () => {
  const sizes = [3, 700_000, 512, 300_000];
  const archive = async (givesBack: boolean) => {
    const chunks: Uint8Array[] = [];
    const buffers = new Set<ArrayBufferLike>();
    const writer = new TarWriter({
      ...(givesBack && { givesBack }),
      write: async (chunk) => {
        buffers.add(chunk.buffer);
        // It may be looked at until the write settles.
        await new Promise((resolve) => setTimeout(resolve, 0));
        chunks.push(chunk.slice());
      },
    });
    for (const [i, size] of sizes.entries()) {
      await writer.entry({ name: `f${i}`, kind: "file", mode: 0o644, mtime: 0, size });
      for (let left = size; left > 0;) {
        const room = (await writer.room()).subarray(0, 100_000);
        room.fill(left % 251);
        await writer.filled(room.length, size);
        left -= room.length;
      }
    }
    await writer.end();
    return { buffers, bytes: new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer()) };
  };
  const [kept, givenBack] = [await archive(false), await archive(true)];
  assertEquals(givenBack.bytes, kept.bytes);
  assertEquals(givenBack.buffers.size, 2);
});

Deno.test("entries may be left unread", async () => {
  const reader = readerOf(await write(HEADERS), 700);
  const names: string[] = [];
  for (let entry = await reader.next(); entry !== null; entry = await reader.next()) {
    names.push(entry.name);
  }
  assertEquals(names, HEADERS.map(({ name }) => name));
});

Deno.test("an archive that is cut short is never taken for a whole one", async () => {
  const bytes = await write(HEADERS);
  for (let length = 0; length < bytes.length - 1024; length += 97) {
    const reader = readerOf(bytes.slice(0, length), 4096);
    await assertRejects(
      async () => {
        while (await reader.next() !== null);
      },
      Error,
      "cut short",
    );
  }
});

Deno.test("GNU tar and this program read each other", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const bytes = await write(HEADERS.filter(({ mtime }) => mtime >= 0));
    await Deno.writeFile(`${folder}/ours.tar`, bytes);
    await tar(folder, "-xf", "ours.tar", "--one-top-level=out");
    await tar(`${folder}/out`, "-cf", "../theirs.tar", ...await names(`${folder}/out`));
    const reader = readerOf(await Deno.readFile(`${folder}/theirs.tar`), 10_000);
    const found = new Set<string>();
    for (let entry = await reader.next(); entry !== null; entry = await reader.next()) {
      found.add(entry.name.replace(/\/$/, ""));
    }
    for (const { name, mtime } of HEADERS) {
      if (mtime >= 0) assertEquals(found.has(name), true, name);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("bytes travel through a real stream with back-pressure", async () => {
  const [here, there] = memoryPair();
  const size = 3_000_000;
  const sending = (async () => {
    const writer = new TarWriter(here);
    await writer.entry({ name: "big", kind: "file", mode: 0o600, mtime: 0, size });
    await writer.data(new Uint8Array(size), size);
    await writer.end();
    await here.closeWrite();
  })();
  const reader = new TarReader(new ByteReader(there));
  assertEquals((await reader.next())?.size, size);
  assertEquals(await reader.next(), null);
  here.close();
  await sending;
});

async function tar(cwd: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("tar", { args, cwd }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) found.push(`${name}`);
  return found;
}
