/** A guest that is told to end, with much time to do so in: what nobody will finish ends at once. */
import { upgrade } from "../../../lib/transport/endpoint/http_upgrade.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { readAll, readUntil, say } from "../../support/duplex.ts";
import { script, withGuest } from "../../support/guest.ts";

const LONG_MS = 3_600_000;

Deno.test("idle tunnels and connections end at once", async () => {
  await withGuest({}, async (guest) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const path = `/tinyscale/v1/tunnel/tcp:127.0.0.1:${listener.addr.port}`;
    const stream = await guest.dial();
    const request = { method: "GET", path, host: "localhost" } as const;
    const { duplex } = await upgrade(stream, request);
    const far = await listener.accept();
    await say(duplex, "used once");
    assert(await far.read(new Uint8Array(9)) === 9);
    const idle = await guest.dial();
    await guest.guest.shutdown(LONG_MS);
    assertEquals(await duplex.read().catch(() => null), null);
    assertEquals(await far.read(new Uint8Array(1)), null);
    for (const each of [far, duplex, idle]) each.close();
  });
});

Deno.test("a command is asked to end, and its client is told how it did", async () => {
  await withGuest({}, async (guest) => {
    const loop = "echo ready; while :; do sleep 0.05; done";
    const heeding = await guest.exec(script(`trap 'echo asked; exit 3' TERM; ${loop}`));
    const plain = await guest.exec(script(loop));
    for (const { stdio } of [heeding, plain]) await readUntil(stdio, "ready\n");
    const ending = guest.guest.shutdown(LONG_MS);
    assertEquals(await readAll(heeding.stdio), "asked\n");
    assertEquals(await heeding.exit, { code: 3 });
    assertEquals(await plain.exit, { signal: "SIGTERM" });
    for (const { stdio } of [heeding, plain]) stdio.close();
    await ending;
    assertEquals(guest.guest.commands, 0);
  });
});

Deno.test("a command that does not heed it is ended when the time is over", async () => {
  await withGuest({}, async (guest) => {
    const command = await guest.exec(
      script("trap '' TERM HUP; echo ready; while :; do sleep 0.05; done"),
    );
    await readUntil(command.stdio, "ready\n");
    await guest.guest.shutdown(100);
    assertEquals(guest.guest.commands, 0);
    command.stdio.close();
  });
});
