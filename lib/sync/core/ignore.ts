/**
 * Which paths take no part in a sync, in the syntax of gitignore. Our own temporary files never do.
 * Pure; `local/ignore_files.ts` reads the files.
 */
import { createHash } from "node:crypto";
import ignore, { type Ignore } from "ignore";

/** The file whose patterns hold for the directory it is in and all below; it is itself synced. */
export const IGNORE_FILE = ".remote-docker-agent-ignore";

/** Names of files we have not finished writing; a killed agent leaves them behind. */
const TEMPORARY = /(?:^|\/)\.rda-sync-([0-9a-f]{8})[0-9a-f]{8}\.tmp$/;

/** No process has a number that begins so: such a file waits for whoever goes on with it. */
const NOBODY = "f";

/**
 * A name for a file that is being written, in the directory of its target; tells who writes. With
 * `key` always the same, for one that waits for the next attempt.
 */
export function temporaryName(key?: string): string {
  if (key !== undefined) {
    const id = createHash("sha256").update(key).digest("hex").slice(0, 15);
    return `.rda-sync-${NOBODY}${id}.tmp`;
  }
  const random = crypto.getRandomValues(new Uint8Array(4)).toHex();
  return `.rda-sync-${Deno.pid.toString(16).padStart(8, "0")}${random}.tmp`;
}

/** Whether a path is one of ours; see {@link temporaryName}. */
export function isTemporary(path: string): boolean {
  return TEMPORARY.test(path);
}

/** The process that writes, or wrote, a temporary file; nobody if it waits for the next attempt. */
export function writerOf(path: string): number | undefined {
  const [, pid = NOBODY] = TEMPORARY.exec(path) ?? [];
  return pid.startsWith(NOBODY) ? undefined : parseInt(pid, 16);
}

/** Decides about one path at a time; the parents of a path have to be asked first. */
export type IgnoreRules = (path: string, isDirectory: boolean) => boolean;

/** Lines of ignore files for one whole tree, those that count most last. */
export type IgnoreLines = readonly string[];

/**
 * The lines of the ignore file in `directory` (empty for the root) as they would stand in one at the
 * root: a pattern with a slash before its end is relative to the directory, any other one holds at
 * every depth below it (gitignore(5)).
 */
export function linesBelow(directory: string, text: string): IgnoreLines {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/).filter((line) => line.trim() !== "");
  if (directory === "") return lines;
  const above = `/${directory.replaceAll(/[\\*?[\]]/g, "\\$&")}`;
  return lines.flatMap((line) => {
    if (line.startsWith("#")) return [];
    const negated = line.startsWith("!") ? "!" : "";
    // At its beginning `\!` and `\#` are the characters; elsewhere they are that without help.
    const pattern = line.slice(negated.length).replace(/^\\(?=[!#])/, "");
    const anchored = pattern.slice(0, -1).includes("/");
    const depth = anchored ? "" : "/**";
    return [`${negated}${above}${depth}/${pattern.replace(/^\//, "")}`];
  });
}

/** A matcher of lines; nothing if they can match nothing. Later lines win, as in gitignore. */
export function matcherOf(lines: IgnoreLines): Ignore | undefined {
  return lines.length === 0 ? undefined : ignore({ ignorecase: false }).add([...lines]);
}
