/** A command's stream at the first level of the protocol: bytes in, bytes out, half-close is EOF. */
import type { Duplex } from "../../net/duplex.ts";
import { sleep } from "../../system/sleep.ts";
import type { Spawned } from "./spawned.ts";
import { exitOf, type Report } from "./stream_relay.ts";

/** How long a client that still sends is read after the command's end, lest it lose the output. */
const LINGER_MS = 2_000;

/**
 * Settles when the command has ended and its output was sent, or when the client is lost. A client
 * that ends its direction may only have no more input, so it is not taken for lost.
 */
export async function relayPlain(
  stream: Duplex,
  spawned: Spawned,
  onExit: Report,
): Promise<void> {
  const lost = Promise.withResolvers<void>();
  const input = feed(stream, spawned, lost.resolve);
  const outputs = Promise.all(spawned.outputs.map(async (output) => {
    for (let chunk; (chunk = await output.read()) !== null;) await stream.write(chunk);
  }));
  outputs.catch(lost.resolve);
  const exited = exitOf(spawned, outputs);
  const report = await Promise.race([exited, lost.promise]).finally(() => {
    exited.catch(() => {/* The client was lost. */});
  });
  if (report === undefined) return;
  onExit(report);
  await stream.closeWrite();
  const enough = new AbortController();
  await Promise.race([input, sleep(LINGER_MS, enough.signal)]);
  enough.abort();
}

/** Never rejects. What the command does not take any more is read and dropped. */
async function feed(stream: Duplex, spawned: Spawned, onLost: () => void): Promise<void> {
  let takes = true;
  try {
    for (let chunk; (chunk = await stream.read()) !== null;) {
      if (takes) await spawned.write(chunk).catch(() => takes = false);
    }
    await spawned.endInput();
  } catch {
    // The read has failed; nobody is there to be told.
    onLost();
  }
}
