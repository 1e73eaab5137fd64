/**
 * `/containers/{id}/logs` over several connections. The engine is asked for the time of each line,
 * which tells where to go on and what has been delivered; a client that has not asked for times gets
 * none. Lines come in frames, or, from a container with a terminal, as they are. Pure.
 */
import { FRAME_HEADER, frameLength, stderrFrame } from "./frames.ts";
import type { Resumption } from "./resumption.ts";
import { formatTime, SeenWindow, timeOfDate } from "./seen_window.ts";
import { Splitter } from "./splitter.ts";
import { messageLength } from "./text_messages.ts";
import { type Stamp, stampOf } from "./time_stamp.ts";

/** The first byte of a frame is the number of its stream; text begins with a digit of the year. */
const LAST_STREAM = 3;

/** See the file comment. */
export class LogStream implements Resumption {
  readonly #query: URLSearchParams;
  readonly #wantsTimes: boolean;
  readonly #window = new SeenWindow();
  #splitter: Splitter | undefined;
  #framed = false;
  #begun: bigint | undefined;

  /** @param query That of the client. */
  constructor(query: URLSearchParams) {
    this.#query = query;
    this.#wantsTimes = isTrue(query.get("timestamps"));
  }

  query(): URLSearchParams {
    const query = new URLSearchParams(this.#query);
    query.set("timestamps", "1");
    // Nothing of a tail of no lines can have been missed before the answer began.
    const nothing = query.get("tail") === "0" ? this.#begun : undefined;
    const since = this.#window.since ?? nothing;
    if (since === undefined) return query;
    query.set("since", formatTime(since));
    query.delete("tail");
    return query;
  }

  begin(date: string | undefined): void {
    this.#begun ??= timeOfDate(date);
  }

  push(data: Uint8Array): Uint8Array[] {
    if (data.length === 0) return [];
    if (this.#splitter === undefined) {
      this.#framed = (data[0] ?? 0) <= LAST_STREAM;
      this.#splitter = new Splitter(this.#framed ? frameLength : messageLength);
    }
    return this.#splitter.push(data).flatMap((message) => this.#deliver(message));
  }

  rest(): Uint8Array[] {
    const message = this.#splitter?.rest();
    return message === undefined || message.length === 0 ? [] : this.#deliver(message);
  }

  restart(): void {
    this.#splitter = undefined;
    this.#window.replay();
  }

  /** Before the first message, as a frame: whoever expects none has a terminal, and reads it as well. */
  says(words: string): Uint8Array {
    if (this.#framed || this.#splitter === undefined) return stderrFrame(`${words}\n`);
    return new TextEncoder().encode(`\r\n${words}\r\n`);
  }

  #deliver(message: Uint8Array): Uint8Array[] {
    if (this.#framed) return this.#deliverFrame(message);
    const stamp = stampOf(message);
    if (stamp === undefined) return [message];
    if (!this.#isNew(message, stamp)) return [];
    return [this.#wantsTimes ? message : message.subarray(stamp.length)];
  }

  /** What shares a coarse time and a length with others is told apart by its text as well. */
  #isNew(message: Uint8Array, { at, span }: Stamp): boolean {
    const text = span === 1n ? "" : hashOf(message);
    return this.#window.isNew(at, `${message[0]} ${at} ${message.length} ${text}`, span);
  }

  #deliverFrame(frame: Uint8Array): Uint8Array[] {
    const stamp = stampOf(frame.subarray(FRAME_HEADER));
    if (stamp === undefined) return [frame];
    if (!this.#isNew(frame, stamp)) return [];
    if (this.#wantsTimes) return [frame];
    const payload = frame.subarray(FRAME_HEADER + stamp.length);
    // A copy also where the bytes are Node's, whose slices are views.
    const header = Uint8Array.from(frame.subarray(0, FRAME_HEADER));
    new DataView(header.buffer).setUint32(4, payload.length);
    return [header, payload];
  }
}

/** FNV-1a, 32 bits. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

/** As the engine reads a boolean in a query. */
export function isTrue(text: string | null): boolean {
  return text !== null && !/^(|0|no|false|none)$/i.test(text.trim());
}
