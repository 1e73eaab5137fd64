/** A TCP connection of `node:net` within this process. */
import { connect, createServer, type Socket } from "node:net";
import { assert } from "./assert.ts";

/** Calls `body` with a connected socket, which is closed for good when this returns it. */
export async function afterConnection(body: (socket: Socket) => void): Promise<Socket> {
  const accepted: Socket[] = [];
  const server = createServer((socket) => void accepted.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  const socket = connect({ port: address.port, host: "127.0.0.1" });
  try {
    await new Promise((resolve) => socket.once("connect", resolve));
    body(socket);
  } finally {
    socket.destroy();
    await new Promise((resolve) => server.close(resolve).on("close", resolve));
    for (const each of accepted) each.destroy();
  }
  return socket;
}

/** How many descriptors this process has. */
export function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
