/**
 * A stream that is closed when it comes to a halt: when nothing has gone either way for a while, or
 * when its peer does not take what is written. The bytes are not looked at, so that only the user
 * can know whether silence is a fault; neither bound is set unless asked for.
 */
import type { Duplex } from "../net/duplex.ts";

/** Bounds in milliseconds; absent for none. */
export interface Pauses {
  /** How long nothing may go in either direction. */
  readonly readMs?: number;
  /** How long a single write may take. */
  readonly writeMs?: number;
}

/** How often a deadline is looked at, at least, as a part of the bound. */
const LOOKS = 4;

/** Wraps `inner` and owns it; without bounds it is `inner` itself. */
export function boundPauses(
  inner: Duplex,
  pauses: Pauses,
  onHalt: (why: string) => void,
): Duplex {
  const { readMs, writeMs } = pauses;
  if (readMs === undefined && writeMs === undefined) return inner;
  return new BoundedStream(inner, pauses, onHalt);
}

class BoundedStream implements Duplex {
  readonly closed: Promise<void>;
  readonly #inner: Duplex;
  readonly #timer: ReturnType<typeof setInterval>;
  #lastMove = performance.now();
  #writeSince: number | undefined;

  constructor(inner: Duplex, { readMs, writeMs }: Pauses, onHalt: (why: string) => void) {
    this.#inner = inner;
    this.closed = inner.closed;
    const look = () => {
      const now = performance.now();
      const stuck = writeMs !== undefined && this.#writeSince !== undefined &&
        now - this.#writeSince > writeMs;
      const idle = readMs !== undefined && now - this.#lastMove > readMs;
      if (!stuck && !idle) return;
      onHalt(stuck ? "a write came to a halt" : "nothing has gone either way");
      this.close();
    };
    this.#timer = setInterval(look, Math.min(readMs ?? Infinity, writeMs ?? Infinity) / LOOKS);
    void inner.closed.then(() => clearInterval(this.#timer));
  }

  async read(): Promise<Uint8Array | null> {
    const chunk = await this.#inner.read();
    this.#lastMove = performance.now();
    return chunk;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#writeSince = performance.now();
    try {
      await this.#inner.write(chunk);
    } finally {
      this.#writeSince = undefined;
      this.#lastMove = performance.now();
    }
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#inner.close();
  }
}
