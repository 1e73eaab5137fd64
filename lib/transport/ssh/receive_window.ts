/**
 * A wider receive window for channels that carry bulk data. ssh2 lets a host send 2 MiB ahead and
 * refills that only when half of it is used up: over 20 ms that is 40 MB/s at most, whatever the link
 * could do. Here the host may send as much more as is granted, and each grant follows what was read,
 * so that a reader who stops still stops the host.
 *
 * It uses the inside of ssh2 (`lib/Channel.js`), which has no option for it. Where that has changed,
 * nothing is granted, and the channel works as ssh2 made it.
 */
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";

/** How far ahead of the reader a host may be, beyond ssh2's own 2 MiB; also what it may cost. */
export const BULK_WINDOW_BYTES = 8 * 1024 * 1024;
/** Grants are made in steps: one message for each would be a message for each packet. */
const STEP_BYTES = 256 * 1024;

/** What is used of ssh2's inside; see the file comment. */
interface Inside {
  readonly incoming: { window: number };
  readonly outgoing: { readonly id: number; readonly state: string };
  readonly _client: {
    readonly _protocol: { channelWindowAdjust(channel: number, bytes: number): void };
  };
}

/** Widens the window of `channel` at once; returns what is to be told of every read. */
export function widenWindow(channel: ClientChannel): (bytes: number) => void {
  if (!hasInside(channel)) return () => {};
  const grant = (bytes: number) => {
    if (channel.outgoing.state === "closed") return;
    channel.incoming.window += bytes;
    channel._client._protocol.channelWindowAdjust(channel.outgoing.id, bytes);
  };
  grant(BULK_WINDOW_BYTES);
  let consumed = 0;
  return (bytes) => {
    consumed += bytes;
    // Near its own limit ssh2 tops the window up by itself; a grant would only add to that.
    const owed = Math.min(consumed, BULK_WINDOW_BYTES - channel.incoming.window);
    if (consumed < STEP_BYTES) return;
    consumed = 0;
    if (owed > 0) grant(owed);
  };
}

function hasInside(channel: unknown): channel is Inside {
  const inside = channel as Partial<Inside>;
  return typeof inside.incoming?.window === "number" && typeof inside.outgoing?.id === "number" &&
    typeof inside._client?._protocol?.channelWindowAdjust === "function";
}
