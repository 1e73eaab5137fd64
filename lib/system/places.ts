/** A few at a time, and the others wait for their turn, in the order in which they came. */

/** See the file comment. */
export class Places {
  readonly #count: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  /** So many at a time. */
  constructor(count: number) {
    this.#count = count;
  }

  /** Settles when there is a place, which is taken then; whoever has it calls {@link leave} once. */
  async enter(): Promise<void> {
    if (this.#taken >= this.#count) {
      // Whoever leaves hands over its place, so the count stays.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#taken++;
    }
  }

  /** Gives a place to whoever waits for one. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next();
  }
}
