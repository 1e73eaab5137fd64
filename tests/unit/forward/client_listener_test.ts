import { listenForClients } from "../../../lib/forward/client_listener.ts";
import { logger } from "../../../lib/log.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";
import { until } from "../../support/poll.ts";
import { LOOPBACK, readAll, writeText } from "./support.ts";

/** Notes the warnings of what is logged. */
function noting() {
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  return { warnings, log: Object.assign(Object.create(logger("test")), { warn }) };
}

async function assertReset(port: number): Promise<void> {
  await assertRejects(async () => {
    using client = await Deno.connect({ hostname: LOOPBACK, port });
    await readAll(client);
  }, Deno.errors.ConnectionReset);
}

Deno.test("clients beyond the limit, and before it serves, are reset; a flood is told of once", async () => {
  const { warnings, log } = noting();
  const listener = await listenForClients({ host: LOOPBACK, port: 0 }, { maxClients: 1, log });
  const { port } = listener.local;
  try {
    await assertReset(port);
    listener.serve(async (client) => {
      await client.write(new TextEncoder().encode("hello "));
      while (await client.read() !== null);
      await client.write(new TextEncoder().encode("and bye"));
      await client.closeWrite();
    });
    for (let round = 1; round <= 2; round++) {
      using client = await Deno.connect({ hostname: LOOPBACK, port });
      await client.read(new Uint8Array(6));
      for (let n = 0; n < 3; n++) await assertReset(port);
      await client.closeWrite();
      assertEquals(await readAll(client), "and bye");
      assertEquals(warnings.length, round);
      await until("its place is free", () => listener.counters.open === 0, { everyMs: 1 });
    }
    assertEquals(listener.counters.total, 2);
  } finally {
    await listener.close();
  }
});

Deno.test("a handler that fails resets its client alone; closing ends all of them", async () => {
  const { log } = noting();
  const listener = await listenForClients({ host: LOOPBACK, port: 0 }, { maxClients: 9, log });
  const { port } = listener.local;
  const aborted = Promise.withResolvers<void>();
  listener.serve(async (client, _socket, signal) => {
    signal.addEventListener("abort", () => aborted.resolve());
    const first = await client.read();
    if (first?.[0] === 120) throw new Error("Not this one");
    await client.write(new TextEncoder().encode("ok"));
    await client.read();
  });
  using stays = await Deno.connect({ hostname: LOOPBACK, port });
  using fails = await Deno.connect({ hostname: LOOPBACK, port });
  await writeText(stays, "a");
  await stays.read(new Uint8Array(2));
  await writeText(fails, "x");
  await assertRejects(() => readAll(fails), Deno.errors.ConnectionReset);
  await listener.close();
  await aborted.promise;
  await assertRejects(() => readAll(stays), Deno.errors.ConnectionReset);
  using again = Deno.listen({ hostname: LOOPBACK, port });
  assertEquals(again.addr.port, port);
});
