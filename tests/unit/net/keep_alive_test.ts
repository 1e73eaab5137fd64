import type { Socket } from "node:net";
import { withDescriptor } from "../../../lib/net/descriptor.ts";
import { keepAlive } from "../../../lib/net/keep_alive.ts";
import { assertEquals } from "../../support/assert.ts";
import { afterConnection, descriptors } from "../../support/connected_socket.ts";

/** Options of a socket: level and name, as in Linux's `sys/socket.h` and `netinet/tcp.h`. */
const OPTIONS = {
  isOn: [1, 9],
  idleSeconds: [6, 4],
  pauseSeconds: [6, 5],
  questions: [6, 6],
} as const;

/** What the kernel has noted of the socket. */
function setOf(socket: Socket): Record<string, number | undefined> | undefined {
  return withDescriptor(socket, (descriptor, { getsockopt }) => {
    const valueOf = ([level, name]: readonly [number, number]) => {
      const value = new Int32Array(1);
      assertEquals(getsockopt(descriptor, level, name, value, new Uint32Array([4])), 0);
      return value[0];
    };
    const entries = Object.entries(OPTIONS);
    return Object.fromEntries(entries.map(([key, option]) => [key, valueOf(option)]));
  });
}

Deno.test({
  name: "a peer that says nothing is asked every five seconds, six times",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const socket = await afterConnection((socket) => {
      const before = descriptors();
      assertEquals(keepAlive(socket, 15_000), true);
      assertEquals(descriptors(), before);
      const expected = { isOn: 1, idleSeconds: 15, pauseSeconds: 5, questions: 6 };
      assertEquals(setOf(socket), expected);
    });
    assertEquals(keepAlive(socket, 15_000), false);
  },
});
