/**
 * The whole remote tree by one `find`, read as it comes. What cannot be synced is told as a problem and
 * hidden, so that nothing concludes that it is gone.
 *
 * If it is known when the tree was looked at last, the host first asks itself whether anything has
 * changed since (`find -newerct`): for a tree that has not, that is half the work there and none here.
 */
import { shellQuote } from "../../transport/posix_shell.ts";
import type { Shell } from "../../transport/transport.ts";
import type { ByteReader } from "../byte_reader.ts";
import type { SideView } from "../core/diff.ts";
import { type Agreed, parentsOf, type Seen } from "../core/entry.ts";
import type { IgnoreRules } from "../core/ignore.ts";
import { filesRoot } from "../files/files_root.ts";
import { listFiles, type Listing } from "../files/list_files.ts";
import type { Problem } from "../types.ts";
import { listVolume, type VolumeEntry } from "../volume/list_volume.ts";
import type { RemoteRoot } from "./root.ts";
import { EXIT_NO_ROOT, runScript, scriptError } from "./shell.ts";
import { contentIn, dirStamp, FIND_STAMP, isRacy, meantMode, stampParts } from "./stamp.ts";

/** What is at the root, as far as the guards care. */
export interface RemoteView extends SideView {
  readonly same: Set<Agreed>;
  readonly seen: Map<string, Seen>;
  readonly opaque: Set<string>;
  readonly problems: Problem[];
  /** The root directory is not there any more. */
  gone: boolean;
  /** Nothing has changed since {@link RemoteScanOptions.since}: the view is empty. */
  unchanged: boolean;
  /** Remote clock when the listing began, in seconds since the epoch. */
  began: number;
  /** The latest change of anything listed, by the clock of its file system, in seconds. */
  latest: number;
}

/** Options of {@link scanRemote}. */
export interface RemoteScanOptions {
  readonly ignored: IgnoreRules;
  readonly agreed: ReadonlyMap<string, Agreed>;
  /** Only this name at the root. */
  readonly only?: string | undefined;
  /** List only if anything was changed later than this (seconds, remote clock). */
  readonly since?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const FLAGGED = `%y ${FIND_STAMP} %P\\0%l\\0`;
/** Ends a listing that is whole; a record begins with `-` or `u`. */
const END = ".end";
const SAME = ".same";

/** Throws `AgentError`: the listing is whole, or it is none. */
export async function scanRemote(
  shell: Shell,
  root: RemoteRoot,
  options: RemoteScanOptions,
): Promise<RemoteView> {
  const parser = new ListingParser(root, options);
  const only = filesRoot(root);
  if (only !== undefined || root.volume !== undefined) {
    const listing = only === undefined
      ? root.volume && await listVolume(root.volume, options.signal)
      : await listFiles(only, options);
    if (listing === undefined) parser.view.gone = true;
    else parser.take(listing);
    return parser.view;
  }
  const result = await runScript(shell, script(root, options), {
    receive: async (from) => {
      await parser.readFrom(from);
      return true;
    },
    ...(options.signal && { signal: options.signal }),
  });
  if (result.code === EXIT_NO_ROOT) {
    parser.view.gone = true;
    return parser.view;
  }
  // A path that went away while find was looking at it is not there: no loss.
  const serious = result.stderr.filter((line) => !/No such file or directory/.test(line));
  if (result.value === undefined || (result.code !== 0 && serious.length > 0)) {
    throw scriptError("list the files on", { ...result, stderr: serious });
  }
  if (!parser.isWhole) {
    throw scriptError("list the files on", { code: 1, stderr: ["the listing is not complete"] });
  }
  return parser.view;
}

function script({ path, staging }: RemoteRoot, { only, since }: RemoteScanOptions): string {
  const start = only === undefined ? "." : `./${only}`;
  const depth = only === undefined ? "-mindepth 1" : "-maxdepth 0";
  const inside = staging.startsWith(`${path}/`)
    ? `-path ${shellQuote(`.${staging.slice(path.length)}`)} -prune -o `
    : "";
  const name = only === undefined ? FLAGGED : FLAGGED.replace("%P", "%f");
  const newer = `LC_ALL=C find . ${inside}-newerct @${since?.toFixed(6)} -print -quit 2>&1`;
  return [
    `cd ${shellQuote(path)} 2>/dev/null || exit ${EXIT_NO_ROOT}`,
    "echo $(date +%s.%N) $(stat -c %.9Z .)",
    // Whatever it complains about counts as a change.
    ...(since === undefined ? [] : [`[ -n "$(${newer})" ] || { printf '${SAME}\\0\\0'; exit 0; }`]),
    `LC_ALL=C find ${shellQuote(start)} ${depth} ${inside}` +
    `-type d '(' ! -readable -o ! -executable ')' -printf ${shellQuote(`u${name}`)} -prune -o ` +
    `-type f ! -readable -printf ${shellQuote(`u${name}`)} -o -printf ${shellQuote(`-${name}`)}`,
    "code=$?",
    `printf '${END}\\0\\0'`,
    "exit $code",
  ].join("\n");
}

/** Reads what the script prints: the time, then pairs of a path's state and a link's target. */
class ListingParser {
  readonly view: RemoteView = {
    same: new Set(),
    seen: new Map(),
    opaque: new Set(),
    problems: [],
    gone: false,
    unchanged: false,
    began: 0,
    latest: 0,
  };
  isWhole = false;
  readonly #root: RemoteRoot;
  readonly #options: RemoteScanOptions;
  readonly #decoder = new TextDecoder();

  constructor(root: RemoteRoot, options: RemoteScanOptions) {
    this.#root = root;
    this.#options = options;
  }

  /** The same from SFTP or a volume. */
  take({ began, entries }: Listing<VolumeEntry>): void {
    this.view.began = began;
    for (const { letter, isUnreadable, stamp, path, target } of entries) {
      this.#entry(`${isUnreadable ? "u" : "-"}${letter}`, stamp, path, target);
    }
  }

  async readFrom(from: ByteReader): Promise<void> {
    let rest = "";
    for (;;) {
      const bytes = await from.some(Number.MAX_SAFE_INTEGER);
      if (bytes === null) return;
      const text = rest + this.#decoder.decode(bytes, { stream: true });
      rest = this.#records(text);
    }
  }

  /** Takes the records that are complete; returns what is left. */
  #records(text: string): string {
    let at = 0;
    if (this.view.began === 0) {
      const newline = text.indexOf("\n");
      if (newline < 0) return text;
      [this.view.began = 0, this.view.latest = 0] = text.slice(0, newline).split(" ").map(Number);
      at = newline + 1;
    }
    for (;;) {
      const middle = text.indexOf("\0", at);
      const end = middle < 0 ? -1 : text.indexOf("\0", middle + 1);
      if (end < 0) return text.slice(at);
      this.#record(text.slice(at, middle), text.slice(middle + 1, end));
      at = end + 1;
    }
  }

  #record(text: string, link: string): void {
    if (text.startsWith(".")) {
      this.isWhole = true;
      this.view.unchanged = text === SAME;
      return;
    }
    // "-f INODE SIZE MTIME CTIME MODE PATH": the stamp has five words.
    let end = 3;
    for (let words = 0; words < 5; words++) end = text.indexOf(" ", end) + 1;
    if (end < 4) throw new Error(`Unexpected line in a listing: ${JSON.stringify(text)}`);
    const stamp = text.slice(3, end - 1);
    this.#entry(text.slice(0, 2), stamp, text.slice(end), link);
  }

  #entry([flag = "", type = ""]: string, stamp: string, path: string, link: string): void {
    const { view } = this;
    const { agreed, ignored } = this.#options;
    const parts = stamp.split(" ");
    view.latest = Math.max(view.latest, Number(parts[3]));
    if (view.opaque.size > 0) {
      for (const parent of parentsOf(path)) if (view.opaque.has(parent)) return;
    }
    if (ignored(path, type === "d")) return void view.opaque.add(ownCopy(path));
    const problem = unsyncable(type, flag === "u", path + link);
    if (problem !== undefined) {
      view.opaque.add(ownCopy(path));
      view.problems.push({ path: ownCopy(path), reason: problem });
      return;
    }
    const kind = type === "d" ? "dir" : type === "l" ? "link" : "file";
    const actual = parseInt(parts[4] ?? "0", 8) & 0o777;
    const known = agreed.get(path);
    const lasting = kind === "dir" ? dirStamp(actual) : stamp;
    if (known !== undefined && known.entry.kind === kind && known.remoteStamp === lasting) {
      view.same.add(known);
      return;
    }
    view.seen.set(ownCopy(path), this.#seen(kind, actual, ownCopy(stamp), known, ownCopy(link)));
  }

  #seen(
    kind: "dir" | "file" | "link",
    actual: number,
    stamp: string,
    known: Agreed | undefined,
    link: string,
  ): Seen {
    const agreedMode = known?.entry.kind === kind ? known.entry.mode : undefined;
    const mode = this.#root.isOpen ? meantMode(actual, kind, agreedMode) : actual;
    if (kind === "dir") {
      return { entry: { kind, mode, size: 0, content: "" }, stamp: dirStamp(actual) };
    }
    const racy = isRacy(stamp, this.view.began);
    const entry = kind === "link"
      ? { kind, mode: 0, size: 0, content: link }
      : { kind, mode, size: stampParts(stamp).size, ...contentOf(stamp) };
    return { entry, stamp, ...(racy && { racy }) };
  }
}

function contentOf(stamp: string): { content: string } | undefined {
  const content = contentIn(stamp);
  return content === undefined ? undefined : { content };
}

/** A slice keeps alive the whole text it was cut from. */
function ownCopy(text: string): string {
  return text.length === 0 ? "" : [text[0], text.slice(1)].join("");
}

function unsyncable(type: string, unreadable: boolean, text: string): string | undefined {
  if (text.includes("\uFFFD")) return "its name is not UTF-8 (on the remote host)";
  if (unreadable) return "it may not be read (on the remote host)";
  if ("fdl".includes(type)) return undefined;
  const kinds: Record<string, string> = {
    s: "a socket",
    p: "a pipe",
    c: "a device",
    b: "a device",
  };
  return `it is ${kinds[type] ?? "of an unknown kind"} (on the remote host)`;
}
