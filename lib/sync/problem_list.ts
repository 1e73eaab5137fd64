/** The paths a session leaves alone: all of them for lists, each one once in the log. */
import type { Logger } from "../log.ts";
import type { Problem } from "./types.ts";

const MAX_PROBLEMS = 50;

/** See the file comment. */
export class ProblemList {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #told = new Set<string>();
  #problems: readonly Problem[] = [];

  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** The first ones of the last full look. */
  get shown(): readonly Problem[] {
    return this.#problems.slice(0, MAX_PROBLEMS);
  }

  /** What a round found; `isComplete` if it looked at everything. */
  add(problems: readonly Problem[], isComplete: boolean): void {
    if (isComplete || problems.length > 0) this.#problems = problems;
    for (const { path, reason } of problems) {
      if (this.#told.has(path) || this.#told.size >= MAX_PROBLEMS) continue;
      this.#told.add(path);
      this.#log.warn(`Not synced: "${path}": ${reason}`, { folder: this.#folder });
    }
  }
}
