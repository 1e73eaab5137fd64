import { isUnanswered, saysUnanswered } from "../../../lib/net/tcp_silence.ts";
import { assertEquals } from "../../support/assert.ts";
import { afterConnection, descriptors } from "../../support/connected_socket.ts";

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
    const socket = await afterConnection((socket) => {
      const before = descriptors();
      assertEquals(isUnanswered(socket), false);
      assertEquals(descriptors(), before);
    });
    assertEquals(isUnanswered(socket), false);
  },
});
