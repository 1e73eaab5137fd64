import { createServer } from "node:net";
import { nodeListener } from "../../../lib/listen/node_listener.ts";
import { logger } from "../../../lib/log.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import { assert, assertEquals } from "../../support/assert.ts";

Deno.test("clients beyond the limit are cut off, and let in again once others have left", async () => {
  const listener = await nodeListener(createServer({ allowHalfOpen: true }), {
    address: { kind: "tcp", host: "127.0.0.1", port: 0 },
    where: { host: "127.0.0.1", port: 0 },
    event: "connection",
    log: logger("test"),
    describe: () => ({ remote: "client" }),
    mutualTls: false,
    maxClients: 1,
  });
  assert(listener.address.kind === "tcp");
  const { port } = listener.address;
  const clients: Duplex[] = [];
  listener.serve(async (duplex) => {
    clients.push(duplex);
    await duplex.write(new Uint8Array([1]));
  });
  const answer = async () => {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const count = await conn.read(new Uint8Array(1)).catch(() => null);
    return { conn, served: count === 1 };
  };
  const first = await answer();
  const second = await answer();
  assertEquals([first.served, second.served], [true, false]);
  clients[0]?.close();
  await clients[0]?.closed;
  const third = await answer();
  assertEquals(third.served, true);
  clients[1]?.close();
  await clients[1]?.closed;
  for (const { conn } of [first, second, third]) conn.close();
  await listener.close();
});
