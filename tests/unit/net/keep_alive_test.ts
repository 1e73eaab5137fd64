import { connect, createServer, type Socket } from "node:net";
import { keepAlive } from "../../../lib/net/keep_alive.ts";
import { assert, assertEquals } from "../../support/assert.ts";

Deno.test({
  name: "a peer that says nothing is asked every five seconds, six times",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const accepted: Socket[] = [];
    const server = createServer((socket) => void accepted.push(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert(address !== null && typeof address === "object");
    const socket = connect({ port: address.port, host: "127.0.0.1" });
    try {
      await new Promise((resolve) => socket.once("connect", resolve));
      const before = [...Deno.readDirSync("/proc/self/fd")].length;
      assertEquals(keepAlive(socket, 15_000), true);
      assertEquals([...Deno.readDirSync("/proc/self/fd")].length, before);
    } finally {
      socket.destroy();
      await new Promise((resolve) => server.close(resolve).on("close", resolve));
      for (const each of accepted) each.destroy();
    }
    assertEquals(keepAlive(socket, 15_000), false);
  },
});
