/** The paths a session leaves alone or warns of: all of them for lists, each one once in the log. */
import type { Logger } from "../../log.ts";
import type { Problem } from "../types.ts";

const MAX_PROBLEMS = 50;
const MAX_KNOWN = 1_000;

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

  /** The first ones, those that are not synced before others. */
  get shown(): readonly Problem[] {
    const rank = ({ isSynced }: Problem) => isSynced ? 1 : 0;
    return this.#problems.toSorted((a, b) => rank(a) - rank(b)).slice(0, MAX_PROBLEMS);
  }

  /** What a round found; `isComplete` if it looked at everything. */
  add(problems: readonly Problem[], isComplete: boolean): void {
    const found = new Set(problems.map(({ path }) => path));
    const others = isComplete ? [] : this.#problems.filter(({ path }) => !found.has(path));
    this.#problems = [...problems, ...others].slice(0, MAX_KNOWN);
    const isNew = ({ path }: Problem) => !this.#told.has(path) && this.#told.size < MAX_PROBLEMS;
    const outside: string[] = [];
    for (const problem of problems.filter(isNew)) {
      this.#told.add(problem.path);
      const { path, reason, isSynced } = problem;
      if (isSynced) outside.push(path);
      else this.#log.warn(`Not synced: "${path}": ${reason}`, { folder: this.#folder });
    }
    const [first, ...more] = outside;
    if (first === undefined) return;
    const rest = more.length === 0 ? "" : ` (and ${more.length} more)`;
    this.#log.info(`Synced as it is: "${first}"${rest}: ${LEADS_OUTSIDE}`, {
      folder: this.#folder,
    });
  }
}

const LEADS_OUTSIDE = "the link leads out of the folder";

/** A symlink that points to what the other side may not have. */
export function leadsOutside(path: string): Problem {
  return { path, reason: LEADS_OUTSIDE, isSynced: true };
}
