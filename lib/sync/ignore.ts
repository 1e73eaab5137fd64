/**
 * Which paths take no part in a sync, in the syntax of gitignore. Our own temporary files never do.
 */
import { createHash } from "node:crypto";
import ignore from "ignore";

/** The file at the root of a tree whose patterns hold for it; it is itself synced. */
export const IGNORE_FILE = ".remote-docker-agent-ignore";

/** Names of files we have not finished writing; a killed agent leaves them behind. */
const TEMPORARY = /(^|\/)\.rda-sync-[0-9a-f]{16}\.tmp$/;

/** A name for a file that is being written, in the directory of its target; always the same for `key`. */
export function temporaryName(key?: string): string {
  const id = key === undefined
    ? crypto.getRandomValues(new Uint8Array(8)).toHex()
    : createHash("sha256").update(key).digest("hex").slice(0, 16);
  return `.rda-sync-${id}.tmp`;
}

/** Whether a path is one of ours; see {@link temporaryName}. */
export function isTemporary(path: string): boolean {
  return TEMPORARY.test(path);
}

/** Decides about one path at a time; the parents of a path have to be asked first. */
export type IgnoreRules = (path: string, isDirectory: boolean) => boolean;

/**
 * Rules from the text of ignore files and from single patterns; later ones win, as in gitignore.
 * Throws nothing: a line that is no pattern matches nothing.
 */
export function ignoreRules(texts: readonly string[]): IgnoreRules {
  const matcher = ignore({ ignorecase: false }).add(texts.join("\n"));
  const none = texts.every((text) => text.trim() === "");
  return (path, isDirectory) => {
    if (isTemporary(path)) return true;
    return !none && matcher.ignores(isDirectory ? `${path}/` : path);
  };
}
