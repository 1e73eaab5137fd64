import { connect, createServer } from "node:tls";
import { nodeStreamDuplex } from "../../../../lib/net/node_stream.ts";
import { readIdentity } from "../../../../lib/net/tls/files.ts";
import { assert, assertEquals } from "../../../support/assert.ts";
import { Certificates } from "../../../support/certificates.ts";

const TOTAL = 1024 * 1024;
const ROUNDS = 6;

Deno.test("the end of a TLS stream arrives after data that its reader is slow to take", async () => {
  const directory = await Deno.makeTempDir({ prefix: "tls-end-" });
  const certificates = new Certificates(directory);
  const authority = await certificates.authority("ca");
  const identity = await certificates.issue(authority, "server", { altNames: "DNS:a.example" });
  const options: Record<string, unknown> = { allowHalfOpen: true };
  const server = createServer({ ...await readIdentity(identity, "server"), ...options });
  // What comes in goes back, as through `cat`; then the end does.
  server.on("secureConnection", async (socket) => {
    const duplex = nodeStreamDuplex(socket);
    for (let chunk; (chunk = await duplex.read()) !== null;) await duplex.write(chunk);
    await duplex.closeWrite();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  const ca = await Deno.readTextFile(authority.certFile);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const to = { host: "127.0.0.1", port: address.port, servername: "a.example", ca };
      const socket = connect({ ...to, ...options });
      await new Promise<void>((resolve, reject) => {
        socket.once("secureConnect", resolve);
        socket.once("error", reject);
      });
      assertEquals(await echo(nodeStreamDuplex(socket)), TOTAL);
    }
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await Deno.remove(directory, { recursive: true });
  }
});

async function echo(duplex: ReturnType<typeof nodeStreamDuplex>): Promise<number> {
  const send = async () => {
    for (let sent = 0; sent < TOTAL; sent += 32 * 1024) {
      await duplex.write(new Uint8Array(32 * 1024));
    }
    await duplex.closeWrite();
  };
  const sending = send();
  let received = 0;
  for (let chunk; (chunk = await duplex.read()) !== null;) received += chunk.length;
  await sending;
  duplex.close();
  await duplex.closed;
  return received;
}
