/** Streams of a script that are compressed on the way. The stream beneath stays its owner's. */
import type { Duplex } from "../../net/duplex.ts";
import { ByteReader } from "../byte_reader.ts";

/** What is written to it arrives at `to` compressed. */
export class GzipWriter {
  /** See `Duplex`. */
  readonly givesBack = true;
  readonly #writer: WritableStreamDefaultWriter<BufferSource>;
  readonly #done: Promise<void>;

  constructor(to: Pick<Duplex, "write">) {
    const { readable, writable } = new CompressionStream("gzip");
    this.#writer = writable.getWriter();
    this.#writer.closed.catch(() => {}); // told by the next call
    this.#done = pump(readable, to);
    this.#done.catch(() => {}); // told by the next call
  }

  /** As `Duplex.write`. */
  async write(chunk: Uint8Array): Promise<void> {
    await this.#orWhyNot(this.#writer.write(new Uint8Array(chunk)));
  }

  /** Ends the compressed stream; settles when all of it has been taken. */
  async end(): Promise<void> {
    await this.#orWhyNot(this.#writer.close());
    await this.#done;
  }

  /** Gives up what has not been sent, if anything. Never rejects. */
  async abort(): Promise<void> {
    await this.#writer.abort().catch(() => {}); // it has ended already
    await this.#done.catch(() => {}); // told by an earlier call
  }

  /** If the stream beneath has failed, that is the error. */
  async #orWhyNot(step: Promise<void>): Promise<void> {
    try {
      await step;
    } catch (error) {
      await this.#done;
      throw error;
    }
  }
}

async function pump(
  from: ReadableStream<Uint8Array>,
  to: Pick<Duplex, "write">,
): Promise<void> {
  for await (const chunk of from) await to.write(chunk);
}

/** Reads what arrives compressed from `from`. */
export function gunzip(from: ByteReader): ByteReader {
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const chunk = await from.some(Number.MAX_SAFE_INTEGER);
      if (chunk === null) controller.close();
      else controller.enqueue(new Uint8Array(chunk));
    },
  });
  const reader = source.pipeThrough(new DecompressionStream("gzip")).getReader();
  return new ByteReader({ read: async () => (await reader.read()).value ?? null });
}
