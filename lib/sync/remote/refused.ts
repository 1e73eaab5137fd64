/**
 * Names that the remote file system refuses: longer than it can hold, or of characters that it cannot.
 * Only the remote `tar` knows, and says so while it unpacks an upload, of which nothing is moved into
 * place then. Such paths are left alone from then on, and the rest goes again.
 */
import { AgentError } from "../../errors.ts";
import { localPath } from "../core/path_map.ts";
import { type LocalTree, statOrNothing } from "../local/tree.ts";
import type { Problem } from "../types.ts";

/** More of them are no few odd names, but a file system that is made for something else. */
const MAX_REFUSED = 1_000;
const DECODER = new TextDecoder();

/** As GNU tar writes it in the C locale; `t` is where uploads are unpacked. */
const REFUSAL = new RegExp(
  "tar: t/(.+?): Cannot (?:open|mkdir|create symlink to .*?): " +
    "(File name too long|Invalid argument|Invalid or incomplete multibyte or wide character|" +
    "Illegal byte sequence|Operation not supported)(?=; |$)",
  "gs",
);

/** The same over SFTP. `path` is relative to the root. */
export class NameRefused extends AgentError {
  readonly path: string;

  constructor(path: string, cause: AgentError) {
    super("engine", cause.message, { cause });
    this.path = path;
  }
}

/** The refused paths of one session, while its process lives. */
export class RefusedNames {
  readonly #reasons = new Map<string, string>();

  has(path: string): boolean {
    return this.#reasons.has(path);
  }

  /** Takes note of what an error tells; returns whether there is anything new. */
  learn(error: unknown): boolean {
    if (!(error instanceof AgentError)) return false;
    const before = this.#reasons.size;
    if (error instanceof NameRefused) this.#reasons.set(error.path, "Invalid argument");
    for (const [, name = "", reason = ""] of error.message.matchAll(REFUSAL)) {
      if (this.#reasons.size < MAX_REFUSED) this.#reasons.set(unescaped(name), reason);
    }
    return this.#reasons.size > before;
  }

  /** Those that are there still, for lists. */
  problems(tree: LocalTree): Problem[] {
    const problems: Problem[] = [];
    for (const [path, reason] of this.#reasons) {
      const isThere = statOrNothing(localPath(tree.root, path, tree.platform)) !== undefined;
      if (isThere) problems.push({ path, reason: `the remote host refuses its name: ${reason}` });
      else this.#reasons.delete(path);
    }
    return problems;
  }
}

/** Undoes the quoting style `escape`: `\n`, `\\`, and octal digits for bytes that are not ASCII. */
function unescaped(name: string): string {
  const bytes: number[] = [];
  const escapes: Record<string, number> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };
  for (const [text, escape] of name.matchAll(/\\([0-7]{3}|.)|[^\\]+/gs)) {
    if (escape === undefined) bytes.push(...new TextEncoder().encode(text));
    else if (escape.length === 3) bytes.push(parseInt(escape, 8));
    else bytes.push(escapes[escape] ?? escape.charCodeAt(0));
  }
  return DECODER.decode(new Uint8Array(bytes));
}
