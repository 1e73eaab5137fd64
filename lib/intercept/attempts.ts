/** Which subjects an attempt is under way for, several at once for one included. */
export class Attempts {
  readonly #open = new Map<string, number>();

  begin(id: string): void {
    this.#open.set(id, (this.#open.get(id) ?? 0) + 1);
  }

  /** Once for each {@link begin}. */
  end(id: string): void {
    const left = (this.#open.get(id) ?? 1) - 1;
    if (left > 0) this.#open.set(id, left);
    else this.#open.delete(id);
  }

  has(id: string): boolean {
    return this.#open.has(id);
  }
}
