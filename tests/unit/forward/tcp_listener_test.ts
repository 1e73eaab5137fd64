import { memoryPair } from "../../../lib/net/memory.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import {
  answerAfterEnd,
  binding,
  dial,
  LOOPBACK,
  readAll,
  server,
  testManager,
  writeText,
} from "./support.ts";

const web = { id: "web", name: "web" };

async function forward(
  manager: ReturnType<typeof testManager>,
  remote: { host: string; port: number },
): Promise<number> {
  const [published] = await manager.reserve(web, [binding()]);
  manager.activate(web.id, new Map([["80/tcp", remote]]));
  return published?.local.port ?? 0;
}

/** The reset may come while the client is still connecting, or when it reads. */
async function assertReset(port: number): Promise<void> {
  await assertRejects(async () => {
    using client = await Deno.connect({ hostname: LOOPBACK, port });
    await readAll(client);
  }, Deno.errors.ConnectionReset);
}

Deno.test("the remote end may end first, and still hears the client", async () => {
  const heard = Promise.withResolvers<string>();
  await using backend = server(async (conn) => {
    await writeText(conn, "banner");
    await conn.closeWrite();
    heard.resolve(await readAll(conn));
  });
  await using manager = testManager();
  using client = await Deno.connect({
    hostname: LOOPBACK,
    port: await forward(manager, backend),
  });
  assertEquals(await readAll(client), "banner");
  await writeText(client, "after the end");
  await client.closeWrite();
  assertEquals(await heard.promise, "after the end");
});

Deno.test("200 connections at once on one port", async () => {
  await using backend = server(answerAfterEnd);
  await using manager = testManager();
  const port = await forward(manager, backend);
  const answers = await Promise.all(Array.from({ length: 200 }, async (_, n) => {
    using client = await Deno.connect({ hostname: LOOPBACK, port });
    await writeText(client, `client ${n}`);
    await client.closeWrite();
    return await readAll(client);
  }));
  assertEquals(answers, Array.from({ length: 200 }, (_, n) => `got client ${n}`));
});

Deno.test("refused on the remote host: the client gets a reset", async () => {
  await using manager = testManager();
  const listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assertReset(await forward(manager, { host: LOOPBACK, port }));
});

Deno.test("accepted and dropped without a word, as docker-proxy does: a reset", async () => {
  await using backend = server((conn) => Promise.resolve(conn.close()));
  await using manager = testManager();
  await assertReset(await forward(manager, backend));
});

Deno.test("a server without an answer to a client that has ended: an orderly end", async () => {
  await using backend = server(async (conn) => void await readAll(conn));
  await using manager = testManager();
  using client = await Deno.connect({
    hostname: LOOPBACK,
    port: await forward(manager, backend),
  });
  await writeText(client, "for the log");
  await client.closeWrite();
  assertEquals(await readAll(client), "");
});

Deno.test("a stream lost in mid-answer is a reset, never an orderly end", async () => {
  await using manager = testManager({
    open: () => {
      const [near, far] = memoryPair();
      void far.write(new TextEncoder().encode("half"));
      let first = true;
      return Promise.resolve({
        closed: near.closed,
        write: (chunk: Uint8Array) => near.write(chunk),
        closeWrite: () => near.closeWrite(),
        close: () => near.close(),
        read() {
          if (!first) return Promise.reject(new Error("Lost the SSH connection"));
          first = false;
          return near.read();
        },
      });
    },
  });
  await assertReset(await forward(manager, { host: LOOPBACK, port: 1 }));
});

Deno.test("a client that resets is a reset or an end for the remote side, at once", async () => {
  const ended = Promise.withResolvers<void>();
  await using backend = server(async (conn) => {
    await readAll(conn).catch(() => {}); // either way is fine
    ended.resolve();
  });
  await using manager = testManager();
  const client = await Deno.connect({ hostname: LOOPBACK, port: await forward(manager, backend) });
  await writeText(client, "x");
  client.close();
  await ended.promise;
});

Deno.test("a slow client holds back the sender", async () => {
  const block = new Uint8Array(256 * 1024);
  const total = 64 * 1024 * 1024;
  // What the two sockets of this machine may buffer between them, with room to spare.
  const mostUnread = 24 * 1024 * 1024;
  let taken = 0;
  await using manager = testManager({
    open: () => {
      const [near, far] = memoryPair();
      void (async () => {
        for (; taken < total; taken += block.length) await far.write(block);
        await far.closeWrite();
      })();
      return Promise.resolve(near);
    },
  });
  const port = await forward(manager, { host: LOOPBACK, port: 1 });
  using client = await Deno.connect({ hostname: LOOPBACK, port });
  const buffer = new Uint8Array(64 * 1024);
  let read = 0;
  for (let count = await client.read(buffer); count !== null; count = await client.read(buffer)) {
    read += count;
    assert(taken - read <= mostUnread, `${taken - read} bytes were taken ahead of the reader`);
  }
  assertEquals(read, total);
});

Deno.test("releasing ends the connections with a reset", async () => {
  await using backend = server(async (conn) => void await readAll(conn));
  await using manager = testManager();
  using client = await Deno.connect({
    hostname: LOOPBACK,
    port: await forward(manager, backend),
  });
  await writeText(client, "x");
  while (manager.snapshot()[0]?.bytes.sent !== 1) await new Promise((next) => setTimeout(next, 1));
  await manager.release(web.id);
  await assertRejects(() => readAll(client), Deno.errors.ConnectionReset);
});

Deno.test("a container that never starts: its clients are reset in the end", async () => {
  await using manager = testManager({ waitMs: 1, open: dial });
  const [published] = await manager.reserve(web, [binding()]);
  await assertReset(published?.local.port ?? 0);
});
