/**
 * What a session has to look at next, and how it waits for that. Hints that come in quick succession
 * are taken together.
 */
import type { RoundScope } from "./round_parts.ts";

/** Editors write, rename and chmod within a few milliseconds. */
const DEBOUNCE_MS = 15;
/** So many single paths are no cheaper than looking at everything. */
const MAX_PATHS = 2_000;

/** See the file comment. One loop takes from it; anybody adds. */
export class Agenda {
  readonly #paths = new Set<string>();
  #all = false;
  #remote = false;
  #wake: (() => void) | undefined;

  /** How many things are to be looked at. */
  get size(): number {
    return this.#paths.size + (this.#all ? 1 : 0);
  }

  get isEmpty(): boolean {
    return this.size === 0 && !this.#remote;
  }

  /** A local path may have changed. */
  path(path: string): void {
    this.#paths.add(path);
    this.wake();
  }

  /** Anything may have changed on either side. */
  all(): void {
    this.#all = true;
    this.wake();
  }

  /** The remote side may have changed. */
  remote(): void {
    this.#remote = true;
    this.wake();
  }

  /** Ends the present wait. */
  wake(): void {
    this.#wake?.();
  }

  /** Waits until there is something, or for `maxMs`. */
  async ready(maxMs: number | undefined): Promise<void> {
    if (this.isEmpty) await this.#wait(maxMs);
    if (this.#paths.size > 0 && !this.#all) {
      await new Promise((resolve) => setTimeout(resolve, DEBOUNCE_MS));
    }
  }

  /** Waits; a {@link wake} ends it early. */
  async sleep(ms: number): Promise<void> {
    await this.#wait(ms);
  }

  /** What to look at now; it is off the agenda. */
  take(): RoundScope {
    const paths = [...this.#paths];
    if (this.#all || paths.length > MAX_PATHS) {
      this.clear();
      return { local: "all", scanRemote: true };
    }
    if (paths.length > 0) {
      this.#paths.clear();
      return { local: paths, scanRemote: false };
    }
    this.clear();
    return { local: "none", scanRemote: true };
  }

  /** Nothing is to be looked at. */
  clear(): void {
    this.#paths.clear();
    this.#all = false;
    this.#remote = false;
  }

  async #wait(ms: number | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }
}
