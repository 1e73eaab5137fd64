/** The contract of Duplex, against every adapter there is. */
import { Buffer } from "node:buffer";
import net from "node:net";
import { denoConnDuplex } from "../../../lib/net/deno_conn.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { nodeStreamDuplex } from "../../../lib/net/node_stream.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";
import { bytes, readAll, readUntil, say, text } from "../../support/duplex.ts";

async function tcpPair(): Promise<[Duplex, Duplex]> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [server, client] = await Promise.all([
    listener.accept(),
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
  ]);
  listener.close();
  return [denoConnDuplex(client), denoConnDuplex(server)];
}

async function unixPair(): Promise<[Duplex, Duplex]> {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/s`;
  const listener = Deno.listen({ transport: "unix", path });
  const [server, client] = await Promise.all([
    listener.accept(),
    Deno.connect({ transport: "unix", path }),
  ]);
  listener.close();
  await Deno.remove(dir, { recursive: true });
  return [denoConnDuplex(client), denoConnDuplex(server)];
}

function nodePair(): Promise<[Duplex, Duplex]> {
  return new Promise((resolve) => {
    const server = net.createServer({ allowHalfOpen: true }, (accepted) => {
      server.close();
      resolve([nodeStreamDuplex(client), nodeStreamDuplex(accepted)]);
    });
    let client: net.Socket;
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      client = net.connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    });
  });
}

const ADAPTERS: Record<string, () => Promise<[Duplex, Duplex]>> = {
  memory: () => Promise.resolve(memoryPair()),
  tcp: tcpPair,
  unix: unixPair,
  node: nodePair,
};

for (const [name, connect] of Object.entries(ADAPTERS)) {
  Deno.test(`${name}: bytes arrive in order and unchanged, in both directions`, async () => {
    const [a, b] = await connect();
    const big = Uint8Array.from({ length: 700_000 }, (_, i) => i % 251);
    const sending = a.write(big.slice()).then(() => a.closeWrite());
    let received = new Uint8Array();
    for (let chunk = await b.read(); chunk !== null; chunk = await b.read()) {
      received = Buffer.concat([received, chunk]);
    }
    await sending;
    assertEquals(Buffer.compare(received, big), 0);
    await say(b, "answer");
    assertEquals(text(await a.read()), "answer");
    a.close();
    b.close();
    await Promise.all([a.closed, b.closed]);
  });

  Deno.test(`${name}: the directions end independently`, async () => {
    const [a, b] = await connect();
    await say(a, "question");
    await a.closeWrite();
    await a.closeWrite();
    assertEquals(await readAll(b), "question");
    await say(b, "late answer");
    await b.closeWrite();
    assertEquals(await readAll(a), "late answer");
    a.close();
    b.close();
    await Promise.all([a.closed, b.closed]);
  });

  Deno.test(`${name}: closing under a pending read ends it, and twice is once`, async () => {
    const [a, b] = await connect();
    const pending = a.read().then(() => "ended", () => "ended");
    a.close();
    a.close();
    assertEquals(await pending, "ended");
    await a.closed;
    await b.read().catch(() => null);
    b.close();
    await b.closed;
  });

  Deno.test(`${name}: writing after the end of our direction fails`, async () => {
    const [a, b] = await connect();
    await a.closeWrite();
    await assertRejects(async () => {
      for (let i = 0; i < 3; i++) await a.write(bytes("too late"));
    });
    a.close();
    b.close();
    await Promise.all([a.closed, b.closed]);
  });

  Deno.test(`${name}: a reader that waits holds the writer back`, async () => {
    const [a, b] = await connect();
    let written = 0;
    const chunk = new Uint8Array(64 * 1024);
    const writing = (async () => {
      for (let i = 0; i < 1024; i++) {
        await a.write(chunk.slice());
        written += chunk.length;
      }
    })().catch(() => "closed");
    await readUntil(b, "\0");
    const before = await settled(() => written);
    assertEquals(before < 32 * 1024 * 1024, true, `${before} bytes were taken from the writer`);
    a.close();
    b.close();
    await Promise.all([writing, a.closed, b.closed]);
  });
}

/** The value once it has stopped changing over ten turns of the event loop. */
async function settled(value: () => number): Promise<number> {
  for (let same = 0, last = -1; same < 10; last = value()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    same = value() === last ? same + 1 : 0;
  }
  return value();
}
