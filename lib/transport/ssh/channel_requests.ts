/**
 * Signals and the size of the terminal, for a command that runs on a channel. ssh2 sends neither once
 * the input has ended, although a server takes both for as long as the channel is there (RFC 4254,
 * sections 5.3, 6.7 and 6.9): a command without input could not be interrupted.
 *
 * It uses the inside of ssh2 (`lib/Channel.js`). Where that has changed, ssh2's own methods are used.
 */
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import type { TerminalSize } from "../guest/exec_frames.ts";

/** What is used of ssh2's inside; see the file comment. */
interface Inside {
  readonly outgoing: { readonly id: number; readonly state: string };
  readonly _client: {
    readonly _protocol: {
      signal(channel: number, name: string): void;
      windowChange(
        channel: number,
        rows: number,
        cols: number,
        height: number,
        width: number,
      ): void;
    };
  };
}

/** Sends a signal, such as `SIGINT`; nothing where the channel is closed. */
export function sendSignal(channel: ClientChannel, name: string): void {
  const word = name.replace(/^SIG/, "");
  if (!hasInside(channel)) return channel.signal(word);
  if (takesRequests(channel)) channel._client._protocol.signal(channel.outgoing.id, word);
}

/** Tells the new size of the terminal; nothing where the channel is closed. */
export function sendSize(channel: ClientChannel, { cols, rows }: TerminalSize): void {
  if (!hasInside(channel)) return channel.setWindow(rows, cols, 0, 0);
  const { outgoing: { id }, _client: { _protocol: protocol } } = channel;
  if (takesRequests(channel)) protocol.windowChange(id, rows, cols, 0, 0);
}

function takesRequests({ outgoing: { state } }: Inside): boolean {
  return state === "open" || state === "eof";
}

function hasInside(channel: ClientChannel): channel is ClientChannel & Inside {
  const inside = channel as Partial<Inside>;
  const protocol = inside._client?._protocol;
  return typeof inside.outgoing?.id === "number" && typeof protocol?.signal === "function" &&
    typeof protocol.windowChange === "function";
}
