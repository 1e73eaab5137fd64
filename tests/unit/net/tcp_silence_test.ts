import { connect, createServer, type Socket } from "node:net";
import { isUnanswered, saysUnanswered } from "../../../lib/net/tcp_silence.ts";
import { assert, assertEquals } from "../../support/assert.ts";

/** A `struct tcp_info` as Linux gives it. */
function info(retransmits: number, lastAckMs: number): Uint8Array {
  const words = new Uint32Array(15);
  const bytes = new Uint8Array(words.buffer);
  bytes[2] = retransmits;
  words[14] = lastAckMs;
  return bytes;
}

Deno.test("only who is silent while something is repeated to them is given up", () => {
  assertEquals(saysUnanswered(info(7, 25_000)), true);
  assertEquals(saysUnanswered(info(0, 3_600_000)), false, "nothing is under way");
  assertEquals(saysUnanswered(info(1, 3_600_000)), false, "a packet may be lost");
  assertEquals(saysUnanswered(info(9, 1_000)), false, "a full peer answers");
});

Deno.test({
  name: "a connection that lives is not unanswered, and looking leaves nothing behind",
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
      assertEquals(isUnanswered(socket), false);
      assertEquals([...Deno.readDirSync("/proc/self/fd")].length, before);
    } finally {
      socket.destroy();
      await new Promise((resolve) => server.close(resolve).on("close", resolve));
      for (const each of accepted) each.destroy();
    }
    assertEquals(isUnanswered(socket), false);
  },
});
