/**
 * The whole remote tree by one `find`. What cannot be synced is told as a problem and hidden, so that
 * nothing concludes that it is gone.
 */
import { shellQuote } from "../transport/ssh/shell.ts";
import type { Shell } from "../transport/transport.ts";
import { type Agreed, parentsOf, type Seen } from "./entry.ts";
import type { IgnoreRules } from "./ignore.ts";
import type { RemoteRoot } from "./remote_root.ts";
import { EXIT_NO_ROOT, runScript, scriptError } from "./remote_shell.ts";
import { findStamp, isRacy, meantMode } from "./remote_stamp.ts";
import type { SideView } from "./diff.ts";
import type { Problem } from "./types.ts";

/** What is at the root, as far as the guards care. */
export interface RemoteView extends SideView {
  readonly seen: Map<string, Seen>;
  readonly opaque: Set<string>;
  readonly problems: Problem[];
  /** The root directory is not there any more. */
  readonly gone: boolean;
}

/** Options of {@link scanRemote}. */
export interface RemoteScanOptions {
  readonly ignored: IgnoreRules;
  readonly agreed: ReadonlyMap<string, Agreed>;
  /** Only this name at the root. */
  readonly only?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

const RECORD = "%y %m %s %i %T@ %C@ %P\\0%l\\0";

/** Throws `AgentError`: the listing is whole, or it is none. */
export async function scanRemote(
  shell: Shell,
  root: RemoteRoot,
  options: RemoteScanOptions,
): Promise<RemoteView> {
  const result = await runScript(shell, script(root, options.only), {
    receive: (from) => from.all(),
    ...(options.signal && { signal: options.signal }),
  });
  if (result.code === EXIT_NO_ROOT) return parse(new Uint8Array(0), root, options, true);
  // A path that went away while find was looking at it is not there: no loss.
  const serious = result.stderr.filter((line) => !/No such file or directory/.test(line));
  if (result.value === undefined || (result.code !== 0 && serious.length > 0)) {
    throw scriptError("list the files on", { ...result, stderr: serious });
  }
  return parse(result.value, root, options, false);
}

function script({ path, staging }: RemoteRoot, only: string | undefined): string {
  const start = only === undefined ? "." : `./${only}`;
  const depth = only === undefined ? "-mindepth 1" : "-maxdepth 0";
  const inside = staging.startsWith(`${path}/`)
    ? `-path ${shellQuote(`.${staging.slice(path.length)}`)} -prune -o `
    : "";
  const name = only === undefined ? RECORD : RECORD.replace("%P", "%f");
  return [
    `cd ${shellQuote(path)} 2>/dev/null || exit ${EXIT_NO_ROOT}`,
    "date +%s.%N",
    `LC_ALL=C find ${shellQuote(start)} ${depth} ${inside}` +
    `-type d '(' ! -readable -o ! -executable ')' -printf ${shellQuote(`u${name}`)} -prune -o ` +
    `-type f ! -readable -printf ${shellQuote(`u${name}`)} -o -printf ${shellQuote(`-${name}`)}`,
    "code=$?",
    "printf 'end\\0'",
    "exit $code",
  ].join("\n");
}

function parse(
  bytes: Uint8Array,
  root: RemoteRoot,
  options: RemoteScanOptions,
  gone: boolean,
): RemoteView {
  const view: RemoteView = {
    seen: new Map(),
    opaque: new Set(),
    problems: [],
    gone,
  };
  if (gone) return view;
  const newline = bytes.indexOf(10);
  const now = Number(new TextDecoder().decode(bytes.subarray(0, Math.max(0, newline))));
  const fields = new TextDecoder().decode(bytes.subarray(newline + 1)).split("\0");
  if (fields.at(-2) !== "end" || fields.length % 2 !== 0) {
    throw scriptError("list the files on", { code: 1, stderr: ["the listing is not complete"] });
  }
  for (let i = 0; i + 3 < fields.length; i += 2) {
    record(view, fields[i] ?? "", fields[i + 1] ?? "", { now, root, ...options });
  }
  return view;
}

function record(
  view: RemoteView,
  text: string,
  link: string,
  options: RemoteScanOptions & { readonly now: number; readonly root: RemoteRoot },
): void {
  const match = /^([u-])(.) (\d+) (\d+) (\d+) (\S+) (\S+) (.*)$/s.exec(text);
  if (match === null) throw new Error(`Unexpected line in a listing: ${JSON.stringify(text)}`);
  const [, flag, type = "", permissions = "0", size = "0", inode = "", mtime = "", ctime = ""] =
    match;
  const path = match[8] ?? "";
  for (const parent of parentsOf(path)) if (view.opaque.has(parent)) return;
  if (options.ignored(path, type === "d")) return void view.opaque.add(path);
  const problem = unsyncable(type, flag === "u", path + link);
  if (problem !== undefined) {
    view.opaque.add(path);
    view.problems.push({ path, reason: problem });
    return;
  }
  const kind = type === "d" ? "dir" : type === "l" ? "link" : "file";
  const actual = parseInt(permissions, 8) & 0o777;
  const agreed = options.agreed.get(path)?.entry;
  const known = agreed?.kind === kind ? agreed.mode : undefined;
  const mode = options.root.isOpen ? meantMode(actual, kind, known) : actual;
  if (kind === "dir") {
    const entry = { kind, mode, size: 0, content: "" } as const;
    view.seen.set(path, { entry, stamp: `d${actual.toString(8)}` });
    return;
  }
  const stamp = findStamp(type, permissions, [size, inode, mtime, ctime]);
  const racy = isRacy(stamp, options.now);
  view.seen.set(path, {
    entry: kind === "link"
      ? { kind, mode: 0, size: 0, content: link }
      : { kind, mode, size: Number(size) },
    stamp,
    ...(racy && { racy }),
  });
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
