/**
 * Log messages of a container with a terminal, each after its time: they end with a line feed, or,
 * where the engine has cut a line, after 16 KiB. Bytes in, messages out. Pure.
 */
import { concat } from "../../http/bytes.ts";
import { MAX_STAMP, stampOf } from "./time_stamp.ts";

/** The length at which the engine cuts (moby, `daemon/logger/copier.go`). */
const MESSAGE_BYTES = 16 * 1024;
const LF = 0x0a;

/** See the file comment. */
export class TextSplitter {
  #held: Uint8Array = new Uint8Array();

  /** The messages that end in `data`. */
  push(data: Uint8Array): Uint8Array[] {
    let rest = this.#held.length === 0 ? data : concat([this.#held, data]);
    const messages: Uint8Array[] = [];
    for (let length = messageLength(rest); length > 0; length = messageLength(rest)) {
      messages.push(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    this.#held = rest;
    return messages;
  }

  /** What is left when the stream has ended. */
  rest(): Uint8Array {
    const rest = this.#held;
    this.#held = new Uint8Array();
    return rest;
  }
}

/** Bytes of the first message; 0 while its end is not known. */
function messageLength(bytes: Uint8Array): number {
  const cut = (stampOf(bytes)?.length ?? 0) + MESSAGE_BYTES;
  const feed = bytes.indexOf(LF);
  if (feed >= 0 && feed < cut) return feed + 1;
  if (bytes.length < cut + MAX_STAMP) return feed + 1;
  // Where no time follows, the log driver does not cut; its line goes on without waiting for the end.
  return stampOf(bytes.subarray(cut)) === undefined && feed >= 0 ? feed + 1 : cut;
}
