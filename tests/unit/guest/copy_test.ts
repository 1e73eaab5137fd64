import { PARTIAL_PREFIX } from "../../../lib/guest/copy.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../support/assert.ts";
import { readAll, readUntil, say } from "../../support/duplex.ts";
import { type TestGuest, withGuest } from "../../support/guest.ts";
import { until } from "../../support/poll.ts";

const COPY = "POST /tinyscale/v1/host-exec/copy";

function copyTo(guest: TestGuest, path: string, content: string, query = ""): Promise<string> {
  return guest.ask(`${COPY}?path=${encodeURIComponent(path)}${query}`, [], content);
}

async function namesIn(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
}

/** What was refused is cleared away, maybe after its client has been told. */
async function untilNames(directory: string, expected: readonly string[]): Promise<void> {
  await until("nothing else is there", async () => {
    assertEquals(await namesIn(directory), [...expected]);
    return true;
  });
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

Deno.test("a file is put in place, and what was there is replaced", async () => {
  await withGuest({}, async (guest) => {
    const path = `${guest.directory}/a file`;
    const answer = await copyTo(guest, path, "one");
    assertMatch(answer, /^HTTP\/1\.1 200 /);
    assertStringIncludes(answer, JSON.stringify({ path, size: 3 }));
    assertEquals(await Deno.readTextFile(path), "one");
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o644);
    await Deno.chmod(path, 0o750);
    await copyTo(guest, path, "two");
    assertEquals(await Deno.readTextFile(path), "two");
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o750);
    await copyTo(guest, path, "three", "&mode=0600");
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    assertEquals(await namesIn(guest.directory), ["a file"]);
  });
});

Deno.test("a body may come in chunks, packed, and after the client was told to go on", async () => {
  await withGuest({}, async (guest) => {
    const path = `${guest.directory}/f`;
    const content = crypto.getRandomValues(new Uint8Array(60_000));
    const packed = await gzip(content);
    const stream = await guest.dial();
    await say(
      stream,
      `${COPY}?path=${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n` +
        "Expect: 100-continue\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    assertEquals(await readUntil(stream, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    for (let at = 0; at < packed.length; at += 7_000) {
      const piece = packed.slice(at, at + 7_000);
      await say(stream, `${piece.length.toString(16)}\r\n`);
      await stream.write(piece);
      await say(stream, "\r\n");
    }
    await say(stream, "0\r\n\r\n");
    assertMatch(await readAll(stream), /^HTTP\/1\.1 200 /);
    stream.close();
    assertEquals(await Deno.readFile(path), content);
  });
});

Deno.test("an empty file is a file", async () => {
  await withGuest({}, async (guest) => {
    const path = `${guest.directory}/empty`;
    const answer = await guest.send(
      `${COPY}?path=${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n` +
        "Content-Length: 0\r\n\r\n",
    );
    assertMatch(answer, /^HTTP\/1\.1 200 /);
    assertEquals((await Deno.stat(path)).size, 0);
  });
});

Deno.test("an upload that breaks off leaves nothing, and nobody sees a part of it", async () => {
  await withGuest({}, async (guest) => {
    const path = `${guest.directory}/f`;
    await copyTo(guest, path, "old");
    const stream = await guest.dial();
    await say(
      stream,
      `${COPY}?path=${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nnew`,
    );
    await until("it has begun", async () => (await namesIn(guest.directory)).length === 2);
    const partial = (await namesIn(guest.directory)).find((name) => name !== "f") ?? "";
    assert(partial.startsWith(PARTIAL_PREFIX));
    assertEquals((await Deno.stat(`${guest.directory}/${partial}`)).mode! & 0o777, 0o600);
    assertEquals(await Deno.readTextFile(path), "old");
    stream.close();
    await until("it is gone", async () => (await namesIn(guest.directory)).length === 1);
    assertEquals(await Deno.readTextFile(path), "old");
  });
});

Deno.test("a guest that ends breaks uploads off as well", async () => {
  await withGuest({}, async (guest) => {
    const stream = await guest.dial();
    await say(
      stream,
      `${COPY}?path=${guest.directory}/f HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx`,
    );
    await until("it has begun", async () => (await namesIn(guest.directory)).length === 1);
    await guest.guest.shutdown(0);
    assertEquals(await namesIn(guest.directory), []);
    stream.close();
  });
});

Deno.test("a file that is too large is refused before or while it comes", async () => {
  await withGuest({ limits: { maxCopyBytes: 100_000 } }, async (guest) => {
    const path = `${guest.directory}/f`;
    assertMatch(await copyTo(guest, path, "x".repeat(100_001)), /^HTTP\/1\.1 413 /);
    const bomb = await gzip(new Uint8Array(10_000_000));
    assert(bomb.length < 100_000);
    const stream = await guest.dial();
    await say(
      stream,
      `${COPY}?path=${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n` +
        `Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`,
    );
    await stream.write(bomb);
    assertMatch(await readAll(stream), /^HTTP\/1\.1 413 /);
    stream.close();
    await untilNames(guest.directory, []);
  });
});

const BAD: readonly [name: string, headers: readonly string[], body: string, status: number][] = [
  ["f", ["Content-Encoding: gzip"], "not gzip", 400],
  ["f", ["Content-Encoding: br"], "x", 415],
  ["f", [], "", 411],
  ["f&mode=4755", [], "x", 400],
  ["f&mode=rw", [], "x", 400],
  ["missing/f", [], "x", 404],
  ["", [], "x", 400],
  ["d", [], "x", 400],
  ["f%00", [], "x", 400],
  ["x".repeat(256), [], "x", 400],
];

for (const [name, headers, body, status] of BAD) {
  Deno.test(`a bad copy is refused with ${status}: ${name.slice(0, 20)} ${headers}`, async () => {
    await withGuest({}, async (guest) => {
      await Deno.mkdir(`${guest.directory}/d`);
      const answer = await guest.ask(`${COPY}?path=${guest.directory}/${name}`, headers, body);
      assertMatch(answer, new RegExp(`^HTTP/1\\.1 ${status} `), answer);
      await untilNames(guest.directory, ["d"]);
    });
  });
}

Deno.test("nothing is put outside the given directories, whatever leads there", async () => {
  const outside = await Deno.makeTempDir({ prefix: "rda-outside-" });
  try {
    await withGuest({}, async (guest) => {
      const { directory } = guest;
      await Deno.mkdir(`${directory}/inside`);
      await Deno.symlink(outside, `${directory}/link`);
      await Deno.symlink(`${outside}/target`, `${directory}/file-link`);
      await Deno.symlink("/", `${directory}/inside/root`);
      await Deno.mkdir(`${directory}-beside`);
      const ways = [
        `${outside}/f`,
        `${directory}/link/f`,
        `${directory}/inside/../link/f`,
        `${directory}/../${outside.split("/").pop()}/f`,
        `${directory}/inside/root${outside}/f`,
        `${directory}/link/missing/f`,
        `${directory}-beside/f`,
        "/etc/rda-test-file",
        "/no-such-directory/f",
      ];
      for (const way of ways) {
        const answer = await copyTo(guest, way, "x");
        assertMatch(answer, /^HTTP\/1\.1 403 /, way);
        assertStringIncludes(answer, "not below a directory for copies");
      }
      assertEquals(await namesIn(outside), []);
      assertEquals(await namesIn(`${directory}-beside`), []);
      await Deno.remove(`${directory}-beside`);
      // A link in the last place is replaced and not followed.
      assertMatch(await copyTo(guest, `${directory}/file-link`, "x"), /^HTTP\/1\.1 200 /);
      assert((await Deno.lstat(`${directory}/file-link`)).isFile);
      assertEquals(await namesIn(outside), []);
      assertMatch(await copyTo(guest, `${directory}/inside/../f`, "x"), /^HTTP\/1\.1 200 /);
    });
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
});

Deno.test("nothing gets outside while somebody swaps directories for links", async () => {
  const outside = await Deno.makeTempDir({ prefix: "rda-outside-" });
  try {
    await withGuest({}, async (guest) => {
      const { directory } = guest;
      await Deno.mkdir(`${directory}/d`);
      const swap = 'mv -T d e && ln -s "$2" d && rm d && mv -T e d';
      const script = `cd "$1"; while [ ! -e stop ]; do ${swap}; done`;
      const swapping = new Deno.Command("sh", {
        args: ["-c", script, "sh", directory, outside],
        stderr: "null",
      }).spawn();
      const statuses = new Set<string>();
      try {
        for (let i = 0; i < 300; i++) {
          statuses.add((await copyTo(guest, `${directory}/d/f`, "x")).slice(9, 12));
        }
      } finally {
        await Deno.writeTextFile(`${directory}/stop`, "");
        await swapping.status;
      }
      assertEquals(await namesIn(outside), []);
      assertEquals([...statuses].filter((each) => !["200", "403", "404"].includes(each)), []);
    });
  } finally {
    await Deno.remove(outside, { recursive: true });
  }
});
