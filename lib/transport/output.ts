/** The output of a command as text, up to a limit; the rest is dropped. */

/** Of standard output, and of standard error. */
const MAX_OUTPUT_BYTES = 1024 * 1024;

/** See the file comment. */
export class Output {
  readonly #chunks: Uint8Array[] = [];
  #room = MAX_OUTPUT_BYTES;

  add(data: Uint8Array): void {
    if (this.#room === 0) return;
    const kept = data.subarray(0, this.#room);
    this.#room -= kept.length;
    this.#chunks.push(kept);
  }

  text(): string {
    const decoder = new TextDecoder();
    return this.#chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") +
      decoder.decode();
  }
}
