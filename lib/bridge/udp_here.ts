/**
 * A flow of datagrams from this machine, for destinations that a rule keeps off the remote host. Its
 * socket is connected, so that nobody but the destination is heard on it.
 */
import type { UdpFlow } from "../forward/udp/relay.ts";
import { connectUdp } from "../net/udp.ts";
import type { Destination } from "./socks_wire.ts";

/** Opens a flow; `receive` gets its answers. The caller closes it. Rejects where there is no way. */
export async function openUdpHere(
  destination: Destination,
  receive: (data: Uint8Array) => void,
): Promise<UdpFlow> {
  const socket = await connectUdp(destination);
  let isClosed = false;
  socket.on("error", () => {
    // Such as "port unreachable", which a client of UDP learns from silence.
  });
  socket.on("message", (data) => receive(data));
  return {
    send(data) {
      // What the system does not take is dropped, as on any network.
      if (!isClosed) socket.send(data, () => {});
    },
    close() {
      if (!isClosed) socket.close();
      isClosed = true;
    },
  };
}
