/** UDP sockets of this machine. Whoever opens one closes it. */
import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";

/** Takes a local port (0: any free one). Rejects with what `node:dgram` reports. */
export function bindUdp({ host, port }: { host: string; port: number }): Promise<Socket> {
  const socket = createSocket({ type: host.includes(":") ? "udp6" : "udp4" });
  return opened(socket, (done) => socket.bind({ address: host, port }, done));
}

/**
 * A socket for one destination, so that nobody else is heard on it. Rejects with what `node:dgram` or
 * the resolver reports.
 */
export async function connectUdp(
  { host, port }: { host: string; port: number },
): Promise<Socket> {
  const { address, family } = await lookup(host);
  const socket = createSocket(family === 6 ? "udp6" : "udp4");
  return await opened(socket, (done) => socket.connect(port, address, done));
}

async function opened(socket: Socket, open: (done: () => void) => void): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject);
  try {
    open(resolve);
    await promise;
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.off("error", reject);
  return socket;
}
