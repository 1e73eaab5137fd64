/**
 * The control stream of a listener: lines of JSON to the client, which says something now and then so
 * that one that is gone does not keep a port. Owns the stream.
 */
import type { Duplex } from "../net/duplex.ts";
import type { GuestLimits } from "./limits.ts";

const encoder = new TextEncoder();
/** How long a client has to take what it was told last. */
const FAREWELL_MS = 2_000;

/** See the file comment. */
export class ControlStream {
  readonly #stream: Duplex;
  readonly #limits: Pick<GuestLimits, "keepAliveMs" | "listenSilenceMs">;
  #writing: Promise<void> = Promise.resolve();
  #unwritten = 0;

  constructor(stream: Duplex, limits: Pick<GuestLimits, "keepAliveMs" | "listenSilenceMs">) {
    this.#stream = stream;
    this.#limits = limits;
  }

  /** Sends a line; as many wait as the caller has to tell of. */
  tell(fact: Readonly<Record<string, unknown>>): void {
    const line = encoder.encode(`${JSON.stringify(fact)}\n`);
    this.#unwritten++;
    this.#writing = this.#writing.then(() => this.#stream.write(line)).then(
      () => void this.#unwritten--,
      // It is over, which {@link ended} sees too.
      () => this.#stream.close(),
    );
  }

  /** Settles when the client has ended it or fallen silent, or when `stopped`. */
  async ended(stopped: AbortSignal): Promise<void> {
    const { keepAliveMs, listenSilenceMs } = this.#limits;
    const { promise, resolve: end } = Promise.withResolvers<void>();
    const keepAlive = setInterval(() => {
      if (this.#unwritten === 0) this.tell({});
    }, keepAliveMs);
    let silence = setTimeout(end, listenSilenceMs);
    const stop = () => end();
    stopped.addEventListener("abort", stop, { once: true });
    if (stopped.aborted) stop();
    let isOver = false;
    const heard = () => {
      if (isOver) return;
      clearTimeout(silence);
      silence = setTimeout(end, listenSilenceMs);
    };
    try {
      await Promise.race([promise, this.#listen(heard)]);
    } finally {
      isOver = true;
      clearInterval(keepAlive);
      clearTimeout(silence);
      stopped.removeEventListener("abort", stop);
    }
  }

  /** Settles with what the client sends, `heard` being called for each piece. Never rejects. */
  async #listen(heard: () => void): Promise<void> {
    try {
      while (await this.#stream.read() !== null) heard();
    } catch {
      // Lost, or closed: the end all the same.
    }
  }

  /**
   * Tells a client that is there that its port is free, by an end that it can tell from a connection
   * that was cut: over TLS, `close_notify`.
   */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#stream.close(), FAREWELL_MS);
    await this.#stream.closeWrite();
    clearTimeout(timer);
    this.#stream.close();
    await this.#writing;
  }
}
