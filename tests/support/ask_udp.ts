/** A question by UDP. */
import { createSocket } from "node:dgram";

/**
 * Sends `data` until it is answered, as UDP's clients do; gives what `read` makes of the answer, and
 * throws what it throws.
 */
export async function askUntilAnswered<T>(
  to: { readonly host: string; readonly port: number },
  data: Uint8Array,
  read: (answer: Uint8Array) => T,
  timeoutMs = 60_000,
): Promise<T> {
  const socket = createSocket("udp4");
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  socket.on("message", resolve);
  const send = () => socket.send(data, to.port, to.host);
  const again = setInterval(send, 200);
  const timer = setTimeout(() => reject(new Error("No datagram came back")), timeoutMs);
  try {
    send();
    return read(await promise);
  } finally {
    clearInterval(again);
    clearTimeout(timer);
    await new Promise<void>((done) => socket.close(() => done()));
  }
}
