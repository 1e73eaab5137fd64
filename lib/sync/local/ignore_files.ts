/**
 * The ignore files of a tree, at its root and below, and the user's own patterns. A file holds for the
 * directory it is in; one further down counts more than those above, and the user's patterns count
 * most. What they say is remembered until {@link IgnoreFiles.forget}.
 */
import type { Ignore } from "ignore";
import { parentOf } from "../core/entry.ts";
import {
  IGNORE_FILE,
  type IgnoreLines,
  type IgnoreRules,
  isTemporary,
  linesBelow,
  matcherOf,
} from "../core/ignore.ts";
import { localPath } from "../core/path_map.ts";
import { type LocalTree } from "./tree.ts";

/** Longer files are no lists of patterns that somebody has written. */
const MAX_FILE_CHARS = 1024 * 1024;

interface Level {
  /** Of the ignore files in this directory and above. */
  readonly lines: IgnoreLines;
  readonly matcher: Ignore | undefined;
}

/** See the file comment. Nothing has to be closed. */
export class IgnoreFiles {
  /** What is ignored. */
  readonly rules: IgnoreRules;
  readonly #tree: LocalTree;
  readonly #names: readonly string[];
  readonly #patterns: IgnoreLines;
  readonly #levels = new Map<string, Level>();

  /** With `gitignore`, `.gitignore` files hold too; those of ours beside them count more. */
  constructor(tree: LocalTree, patterns: readonly string[], gitignore: boolean) {
    this.#tree = tree;
    this.#names = gitignore ? [".gitignore", IGNORE_FILE] : [IGNORE_FILE];
    this.#patterns = patterns.flatMap((text) => linesBelow("", text));
    this.rules = (path, isDirectory) =>
      isTemporary(path) ||
      this.#level(parentOf(path)).matcher?.ignores(isDirectory ? `${path}/` : path) === true;
  }

  /** Whether what is ignored depends on this file. */
  has(path: string): boolean {
    return this.#names.some((name) => path === name || path.endsWith(`/${name}`));
  }

  /** The files may have changed: they are read again. */
  forget(): void {
    this.#levels.clear();
  }

  #level(directory: string): Level {
    const known = this.#levels.get(directory);
    if (known !== undefined) return known;
    const above = directory === ""
      ? { lines: [], matcher: matcherOf(this.#patterns) }
      : this.#level(parentOf(directory));
    const own = this.#names.flatMap((name) => linesBelow(directory, this.#text(directory, name)));
    const lines = [...above.lines, ...own];
    const level = own.length === 0
      ? above
      : { lines, matcher: matcherOf([...lines, ...this.#patterns]) };
    this.#levels.set(directory, level);
    return level;
  }

  #text(directory: string, name: string): string {
    const path = directory === "" ? name : `${directory}/${name}`;
    try {
      const file = localPath(this.#tree.root, path, this.#tree.platform);
      return Deno.readTextFileSync(file).slice(0, MAX_FILE_CHARS);
    } catch {
      // Most directories have none. One that may not be read is told as such by the scan.
      return "";
    }
  }
}

/** For a file that is mounted by itself: whoever names it means it. */
export const IGNORE_NOTHING: Pick<IgnoreFiles, "rules" | "has" | "forget"> = {
  rules: isTemporary,
  has: () => false,
  forget: () => {},
};
