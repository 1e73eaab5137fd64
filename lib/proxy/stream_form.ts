/**
 * How the bytes of a stream that took a connection over are to be read: as Docker's frames, or, from
 * a terminal, as they are. New engines say so in the `Content-Type`; for those before API 1.42 the
 * bytes themselves tell. Pure.
 */

/** `silent`: nothing has come yet. `unknown`: that is so too, or the stream is within a frame. */
export type StreamForm = "unknown" | "silent" | "frames" | "text";

const RAW = "application/vnd.docker.raw-stream";
const FRAMES = "application/vnd.docker.multiplexed-stream";
/** From this version on, the type can be believed (Engine API 1.42). */
const TYPED_SINCE = 42;
const HEADER = 8;
/** The highest number of a stream in a frame. */
const LAST_STREAM = 3;

/** What is known before the first byte: the type of the answer and the API version asked for. */
export function announcedForm(type: string | undefined, version: string | undefined): StreamForm {
  if (type === FRAMES) return "frames";
  const [major = 0, minor = 0] = (version ?? "").split(".").map(Number);
  return type === RAW && (major > 1 || minor >= TYPED_SINCE) ? "text" : "unknown";
}

/** Follows a stream from its beginning. */
export class FormTracker {
  #isText: boolean;
  readonly #header = new Uint8Array(HEADER);
  /** Bytes of the present header that are here. */
  #at = 0;
  /** Bytes of the present payload that are still to come. */
  #left = 0;
  #begun: boolean;

  constructor(announced: StreamForm) {
    this.#isText = announced === "text";
    this.#begun = announced !== "unknown";
  }

  /** The form in which something may be added now. */
  get form(): StreamForm {
    if (this.#isText) return "text";
    if (!this.#begun) return "silent";
    return this.#at === 0 && this.#left === 0 ? "frames" : "unknown";
  }

  /** Whether more must come, because a frame has begun. */
  get isWithinFrame(): boolean {
    return !this.#isText && (this.#at > 0 || this.#left > 0);
  }

  /** The next bytes of the stream. */
  push(chunk: Uint8Array): void {
    for (let from = 0; from < chunk.length && !this.#isText;) {
      this.#begun = true;
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.length - from);
        this.#left -= taken;
        from += taken;
      } else {
        this.#takeHeader(chunk[from++] ?? 0);
      }
    }
  }

  #takeHeader(byte: number): void {
    const limit = this.#at === 0 ? LAST_STREAM : this.#at < 4 ? 0 : 0xff;
    if (byte > limit) {
      this.#isText = true;
      return;
    }
    this.#header[this.#at++] = byte;
    if (this.#at < HEADER) return;
    this.#at = 0;
    this.#left = new DataView(this.#header.buffer).getUint32(4);
  }
}
