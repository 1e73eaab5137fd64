/**
 * What has arrived of a stream and is not read yet. A piece that a reader waits for is handed over
 * directly. It bounds nothing: whoever fills it looks at {@link Inbox.bytes} and stops the sender.
 */

/** Read pieces are dropped from the list in steps: a shift of a long list would copy it. */
const DROP_AFTER = 256;

interface Reader {
  resolve(chunk: Uint8Array | null): void;
  reject(error: Error): void;
}

/** See the file comment. One read at a time. */
export class Inbox {
  readonly #onTaken: (bytes: number) => void;
  #chunks: Uint8Array[] = [];
  #next = 0;
  #bytes = 0;
  #reader: Reader | undefined;
  #end: { readonly error: Error | undefined } | undefined;

  /** `onTaken` is told the size of each piece that has got its reader. */
  constructor(onTaken: (bytes: number) => void = () => {}) {
    this.#onTaken = onTaken;
  }

  /** How many bytes nobody has read yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a reader waits. */
  get isAwaited(): boolean {
    return this.#reader !== undefined;
  }

  /** A piece has arrived; it belongs to its reader from here on. */
  put(chunk: Uint8Array): void {
    const reader = this.#reader;
    if (reader === undefined) {
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      return;
    }
    this.#reader = undefined;
    reader.resolve(chunk);
    this.#onTaken(chunk.length);
  }

  /** Nothing follows. After what is still here, reads give `null`, or reject with `error`. */
  end(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    const reader = this.#reader;
    this.#reader = undefined;
    if (error === undefined) reader?.resolve(null);
    else reader?.reject(error);
  }

  /** Throws away what nobody has read. */
  clear(): void {
    this.#chunks = [];
    this.#next = this.#bytes = 0;
  }

  /** The next piece, or how it ended. */
  take(): Promise<Uint8Array | null> {
    const chunk = this.#shift();
    if (chunk !== undefined) {
      this.#onTaken(chunk.length);
      return Promise.resolve(chunk);
    }
    if (this.#end === undefined) {
      return new Promise((resolve, reject) => this.#reader = { resolve, reject });
    }
    const { error } = this.#end;
    return error === undefined ? Promise.resolve(null) : Promise.reject(error);
  }

  #shift(): Uint8Array | undefined {
    const chunk = this.#chunks[this.#next];
    if (chunk === undefined) return undefined;
    this.#bytes -= chunk.length;
    this.#next++;
    if (this.#next === this.#chunks.length) this.clear();
    else if (this.#next === DROP_AFTER) {
      this.#chunks.splice(0, DROP_AFTER);
      this.#next = 0;
    }
    return chunk;
  }
}
