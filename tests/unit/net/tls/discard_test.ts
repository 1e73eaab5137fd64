/** Memory that is given back while TLS is at work, and what arrives all the same. */
import { connect, createServer, type TLSSocket } from "node:tls";
import { initAuthority, issueServer } from "../../../../lib/certs/certs.ts";
import { discard, isSole } from "../../../../lib/net/discard.ts";
import type { Duplex } from "../../../../lib/net/duplex.ts";
import { readIdentity } from "../../../../lib/net/tls/files.ts";
import { socketDuplex } from "../../../../lib/net/tls/stream.ts";
import { assert, assertEquals } from "../../../support/assert.ts";

/** Above and below what is discarded, and what a stream holds. */
const SIZES = [100, 5_000, 16_384, 20_000, 70_000, 300_000, 40, 65_536, 1_000_000];

/** A piece that can be told from its neighbours. */
function pieceOf(size: number, seed: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, at) => at * 31 + seed);
}

async function hashed(update: (add: (piece: Uint8Array) => void) => Promise<void>) {
  let sum = 0;
  await update((piece) => {
    for (const byte of piece) sum = (sum * 33 + byte) % 4_294_967_291;
  });
  return sum;
}

async function relayBack(duplex: Duplex): Promise<void> {
  for (let piece = await duplex.read(); piece !== null; piece = await duplex.read()) {
    const sole = isSole(piece, duplex);
    await duplex.write(piece);
    if (sole && duplex.givesBack === true) discard(piece);
  }
  await duplex.closeWrite();
  duplex.close();
}

Deno.test("what has been written to TLS may be discarded, and so may what was read", async () => {
  const directory = await Deno.makeTempDir({ prefix: "tls-discard-" });
  const options = { directory, force: false };
  const ca = await initAuthority(options);
  const identity = await readIdentity(await issueServer(["localhost"], options), "server");
  const server = createServer({ ...identity, allowHalfOpen: true });
  const served = Promise.withResolvers<void>();
  server.on("secureConnection", (socket: TLSSocket) => {
    void relayBack(socketDuplex(socket)).then(served.resolve, served.reject);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  const halfOpen: Record<string, unknown> = { allowHalfOpen: true };
  const trusted = await Deno.readTextFile(ca.certFile);
  const socket = connect({ port: address.port, servername: "localhost", ca: trusted, ...halfOpen });
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  const duplex = socketDuplex(socket);
  try {
    const received = hashed(async (add) => {
      for (let piece = await duplex.read(); piece !== null; piece = await duplex.read()) add(piece);
    });
    const sent = await hashed(async (add) => {
      for (const [seed, size] of [...SIZES, ...SIZES].entries()) {
        const piece = pieceOf(size, seed);
        add(piece);
        await duplex.write(piece);
        discard(piece);
      }
    });
    await duplex.closeWrite();
    assertEquals(await received, sent);
    await served.promise;
  } finally {
    duplex.close();
    await duplex.closed;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await Deno.remove(directory, { recursive: true });
  }
});
