/** Work on one subject runs one after another; work on different subjects does not wait. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Whether work on `id` is under way or waits. */
  has(id: string): boolean {
    return this.#last.has(id);
  }

  /** Settles, never rejecting, when the work on `id` that has been asked for so far is done. */
  async idle(id: string): Promise<void> {
    await this.#last.get(id);
  }

  /** Settles, never rejecting, when all work that has been asked for so far is done. */
  async allIdle(): Promise<void> {
    await Promise.all(this.#last.values());
  }

  /** Runs `work` after everything that was asked for the same `id` before, however that ended. */
  run(id: string, work: () => Promise<void>): Promise<void> {
    const turn = this.idle(id).then(work);
    const settled = turn.catch(() => {}).then(() => {
      if (this.#last.get(id) === settled) this.#last.delete(id);
    });
    this.#last.set(id, settled);
    return turn;
  }
}
