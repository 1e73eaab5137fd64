/** Half-close over TLS, where the runtime needs care. */
import { connect, createServer, type TLSSocket } from "node:tls";
import { initAuthority, issueServer } from "../../../../lib/certs/certs.ts";
import type { Duplex } from "../../../../lib/net/duplex.ts";
import { socketDuplex } from "../../../../lib/net/tls/stream.ts";
import { readIdentity } from "../../../../lib/net/tls/files.ts";
import { assert, assertEquals } from "../../../support/assert.ts";

/** Honoured by `tls.connect`, but not in its types. */
const HALF_OPEN: Record<string, unknown> = { allowHalfOpen: true };

async function readAll(duplex: Duplex): Promise<number> {
  let length = 0;
  for (let chunk = await duplex.read(); chunk !== null; chunk = await duplex.read()) {
    length += chunk.length;
  }
  return length;
}

Deno.test("the end of our direction arrives after all that was written, however much", async () => {
  const directory = await Deno.makeTempDir({ prefix: "tls-half-" });
  const options = { directory, force: false };
  const ca = await initAuthority(options);
  const identity = await readIdentity(await issueServer(["localhost"], options), "server");
  const server = createServer({ ...identity, allowHalfOpen: true });
  const answered = Promise.withResolvers<number>();
  server.on("secureConnection", async (socket: TLSSocket) => {
    const duplex = socketDuplex(socket);
    const length = await readAll(duplex);
    await duplex.write(new Uint8Array(length));
    await duplex.closeWrite();
    // Once our direction has ended, nothing is lost by letting go.
    duplex.close();
    answered.resolve(length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    assert(address !== null && typeof address === "object");
    const { port } = address;
    for (const size of [0, 10, 100_000, 1_000_000, 5_000_000]) {
      const trusted = await Deno.readTextFile(ca.certFile);
      const socket = connect({ port, servername: "localhost", ca: trusted, ...HALF_OPEN });
      await new Promise((resolve) => socket.once("secureConnect", resolve));
      const duplex = socketDuplex(socket);
      for (let at = 0; at < size; at += 65_536) {
        await duplex.write(new Uint8Array(Math.min(65_536, size - at)));
      }
      await duplex.closeWrite();
      assertEquals(await readAll(duplex), size);
      duplex.close();
      await duplex.closed;
    }
    await answered.promise;
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await Deno.remove(directory, { recursive: true });
  }
});
