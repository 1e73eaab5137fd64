import { connect, createServer, type Socket } from "node:net";
import { duplicateOf } from "../../../lib/net/descriptor.ts";
import { keepAlive } from "../../../lib/net/keep_alive.ts";
import { assert, assertEquals } from "../../support/assert.ts";

/** Options of a socket: level and name, as in Linux's `sys/socket.h` and `netinet/tcp.h`. */
const OPTIONS = {
  isOn: [1, 9],
  idleSeconds: [6, 4],
  pauseSeconds: [6, 5],
  questions: [6, 6],
} as const;

/** What the kernel has noted of the socket. */
function setOf(socket: Socket): Record<string, number | undefined> {
  const libc = Deno.dlopen("libc.so.6", {
    getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
  });
  const descriptor = duplicateOf(socket);
  const valueOf = ([level, name]: readonly [number, number]) => {
    const value = new Int32Array(1);
    const length = new Uint32Array([4]);
    assertEquals(libc.symbols.getsockopt(descriptor, level, name, value, length), 0);
    return value[0];
  };
  try {
    const entries = Object.entries(OPTIONS);
    return Object.fromEntries(entries.map(([key, option]) => [key, valueOf(option)]));
  } finally {
    libc.symbols.close(descriptor);
    libc.close();
  }
}

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
      const expected = { isOn: 1, idleSeconds: 15, pauseSeconds: 5, questions: 6 };
      assertEquals(setOf(socket), expected);
    } finally {
      socket.destroy();
      await new Promise((resolve) => server.close(resolve).on("close", resolve));
      for (const each of accepted) each.destroy();
    }
    assertEquals(keepAlive(socket, 15_000), false);
  },
});
