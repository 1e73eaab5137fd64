/**
 * The control stream of a listener: lines of JSON to the client, which says something now and then so
 * that one that is gone does not keep a port. Owns the stream.
 */
import type { Duplex } from "../net/duplex.ts";
import type { GuestLimits } from "./limits.ts";

const encoder = new TextEncoder();

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
    const close = () => this.#stream.close();
    const keepAlive = setInterval(() => {
      if (this.#unwritten === 0) this.tell({});
    }, keepAliveMs);
    let silence = setTimeout(close, listenSilenceMs);
    stopped.addEventListener("abort", close, { once: true });
    if (stopped.aborted) close();
    try {
      while (await this.#stream.read() !== null) {
        clearTimeout(silence);
        silence = setTimeout(close, listenSilenceMs);
      }
    } catch {
      // Lost, or closed by one of the above: the end all the same.
    } finally {
      clearInterval(keepAlive);
      clearTimeout(silence);
      stopped.removeEventListener("abort", close);
    }
  }

  /** Tells a client that is there that its port is free. */
  async close(): Promise<void> {
    this.#stream.close();
    await this.#writing;
  }
}
