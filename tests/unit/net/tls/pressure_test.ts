/** A TLS peer whose stream nobody reads has to wait, and what it sends arrives once somebody does. */
import { connect, createServer, type TLSSocket } from "node:tls";
import { initAuthority, issueServer } from "../../../../lib/certs/certs.ts";
import type { Duplex } from "../../../../lib/net/duplex.ts";
import { readIdentity } from "../../../../lib/net/tls/files.ts";
import { socketDuplex } from "../../../../lib/net/tls/stream.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";

const BYTES = 16 * 1024 * 1024;
/** More than a stream holds, and far less than is sent. */
const HELD = 1024 * 1024;
/** Honoured by `tls.connect`, but not in its types. */
const HALF_OPEN: Record<string, unknown> = { allowHalfOpen: true };

interface Client {
  readonly socket: TLSSocket;
  readonly duplex: Duplex;
}

/** A server that sends {@link BYTES} to each client, and a way to become one. */
async function withSender(body: (dial: () => Promise<Client>) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "tls-pressure-" });
  const options = { directory, force: false };
  const ca = await Deno.readTextFile((await initAuthority(options)).certFile);
  const identity = await readIdentity(await issueServer(["localhost"], options), "server");
  const sending: Promise<void>[] = [];
  const server = createServer({ ...identity, allowHalfOpen: true }, (socket: TLSSocket) => {
    sending.push(send(socketDuplex(socket)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  const clients: Client[] = [];
  try {
    await body(async () => {
      const socket = connect({ port: address.port, servername: "localhost", ca, ...HALF_OPEN });
      await new Promise((resolve) => socket.once("secureConnect", resolve));
      const client = { socket, duplex: socketDuplex(socket) };
      clients.push(client);
      return client;
    });
  } finally {
    for (const { duplex } of clients) {
      duplex.close();
      await duplex.closed;
    }
    await Promise.all(sending);
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await Deno.remove(directory, { recursive: true });
  }
}

async function send(duplex: Duplex): Promise<void> {
  const piece = new Uint8Array(64 * 1024);
  try {
    for (let sent = 0; sent < BYTES; sent += piece.length) await duplex.write(piece);
    await duplex.closeWrite();
  } catch {
    // The client has left.
  } finally {
    duplex.close();
  }
}

async function lengthOf(duplex: Duplex): Promise<number> {
  let length = 0;
  for (let chunk = await duplex.read(); chunk !== null; chunk = await duplex.read()) {
    length += chunk.length;
  }
  return length;
}

Deno.test("a peer whose stream is not read has to wait, others do not, and nothing is lost", async () => {
  await withSender(async (dial) => {
    const waiting = await dial();
    // What comes to both meanwhile is as much: time enough to take too much.
    const read = await dial();
    assertEquals(await lengthOf(read.duplex), BYTES);
    assert(waiting.socket.bytesRead < HELD, `${waiting.socket.bytesRead} bytes are in memory`);
    // Stopped and started once more in mid-stream.
    const first = await waiting.duplex.read();
    assert(first !== null);
    assertEquals(await lengthOf((await dial()).duplex), BYTES);
    assert(waiting.socket.bytesRead < 2 * HELD, `${waiting.socket.bytesRead} bytes are in memory`);
    assertEquals(first.length + await lengthOf(waiting.duplex), BYTES);
  });
});

Deno.test("a stream that is closed while its peer waits lets go of it", async () => {
  await withSender(async (dial) => {
    const { duplex } = await dial();
    assert(await duplex.read() !== null);
    let isClosed = false;
    const closed = duplex.closed.then(() => isClosed = true);
    await Promise.resolve();
    assertEquals(isClosed, false);
    duplex.close();
    assertEquals(await closed, true);
  });
});

Deno.test("who waits for a stream whose socket is destroyed is told, to read and to write", async () => {
  await withSender(async (dial) => {
    const { socket, duplex } = await dial();
    const rest = lengthOf(duplex);
    socket.destroy();
    assert(await rest <= BYTES);
    await duplex.closed;
    assertEquals(await duplex.read(), null);
    await assertRejects(() => duplex.write(new Uint8Array(1)), Deno.errors.BrokenPipe);
    await duplex.closeWrite();
  });
});
