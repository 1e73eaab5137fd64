/** Reads the ignore files at the root of a tree. */
import { IGNORE_FILE, type IgnoreRules, ignoreRules } from "./ignore.ts";
import type { LocalTree } from "./local_tree.ts";
import { localPath } from "./path_map.ts";

/** The rules that hold now: `.gitignore` if wanted, then our own file, then the user's patterns. */
export function loadIgnoreRules(
  tree: LocalTree,
  patterns: readonly string[],
  gitignore: boolean,
): IgnoreRules {
  const files = gitignore ? [".gitignore", IGNORE_FILE] : [IGNORE_FILE];
  return ignoreRules([...files.map((name) => textOf(tree, name)), ...patterns]);
}

function textOf(tree: LocalTree, name: string): string {
  try {
    return Deno.readTextFileSync(localPath(tree.root, name, tree.platform));
  } catch (error) {
    const { NotFound, NotADirectory, IsADirectory } = Deno.errors;
    const absent = [NotFound, NotADirectory, IsADirectory].some((kind) => error instanceof kind);
    if (absent) return "";
    throw error;
  }
}
