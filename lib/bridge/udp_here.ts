/**
 * A flow of datagrams from this machine, for destinations that a rule keeps off the remote host. Its
 * socket is connected, so that nobody but the destination is heard on it.
 */
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import type { UdpFlow } from "../forward/udp_relay.ts";
import type { Destination } from "./socks_wire.ts";

/** Opens a flow; `receive` gets its answers. The caller closes it. Rejects where there is no way. */
export async function openUdpHere(
  { host, port }: Destination,
  receive: (data: Uint8Array) => void,
): Promise<UdpFlow> {
  const { address, family } = await lookup(host);
  const socket = createSocket(family === 6 ? "udp6" : "udp4");
  let isClosed = false;
  const close = () => {
    if (!isClosed) socket.close();
    isClosed = true;
  };
  const connected = Promise.withResolvers<void>();
  // Later on, such as "port unreachable", which a client of UDP learns from silence.
  socket.on("error", connected.reject);
  socket.connect(port, address, () => connected.resolve());
  try {
    await connected.promise;
  } catch (error) {
    close();
    throw error;
  }
  socket.on("message", (data) => receive(data));
  return {
    send(data) {
      // What the system does not take is dropped, as on any network.
      if (!isClosed) socket.send(data, () => {});
    },
    close,
  };
}
