/**
 * From here to the remote host: one tar stream per batch. It is unpacked beside the tree, where nobody
 * looks, and only when it has arrived whole, and nothing it replaces has changed since, is everything
 * moved into place. A cut leaves the tree as it was.
 */
import { shellQuote } from "../../transport/ssh/shell.ts";
import type { Shell } from "../../transport/transport.ts";
import { lastingStamp, type Seen } from "../entry.ts";
import { type LocalTree, look, readContent, readWhole } from "../local_tree.ts";
import { moveUnits, type Put } from "../plan.ts";
import type { RemoteRoot } from "../remote_root.ts";
import { EXIT_NO_ROOT, runScript, scriptError } from "../remote_shell.ts";
import { dirStamp, isRacy, openMode, stampParts } from "../remote_stamp.ts";
import {
  EXIT_STALE,
  parseReport,
  type RemoteReport,
  remoteScript,
  type RemoteWork,
  wantedState,
} from "./remote_script.ts";
import { SMALL_ENTRY_BYTES, type TarHeader, TarWriter } from "./tar_write.ts";

/** Blocks that tar reads at a time: 64 KiB. */
const TAR_BLOCKS = 128;

/** One batch of changes to the remote tree. */
export interface Upload {
  readonly remove: readonly string[];
  readonly removeDirs: readonly string[];
  readonly puts: readonly Put[];
  /** What was seen there; paths without an entry must not exist. */
  readonly remoteSeen: (path: string) => Seen | undefined;
  readonly localSeen: (path: string) => Seen | undefined;
  /** Write into the existing file instead of replacing it. */
  readonly inPlace: boolean;
  readonly onBytes?: (count: number) => void;
  /** Awaited when everything has been sent, before anything is moved; a rejection gives it up. */
  readonly before?: () => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/** What is now as it should be. */
export interface Uploaded {
  /** By path: what is in both places now. */
  readonly put: ReadonlyMap<string, { content: string; localStamp: string; remoteStamp: string }>;
  readonly removed: readonly string[];
  /** The remote side has changed: nothing was done, it has to be listed again. */
  readonly stale: boolean;
  readonly complaints: readonly string[];
}

/** See the file comment. Throws `AgentError`; the remote tree is then as before, or partly as wanted. */
async function upload(
  shell: Shell,
  root: RemoteRoot,
  tree: LocalTree,
  work: Upload,
): Promise<Uploaded> {
  const contents = new Map<string, string>();
  const result = await runScript(shell, startScript(root), {
    send: async (to) => {
      const writer = new TarWriter(to);
      const ready: Put[] = [];
      for (const put of work.puts) {
        const content = await sendEntry(writer, tree, root, put, work);
        if (content === undefined) continue;
        contents.set(put.path, content);
        ready.push(put);
      }
      await work.before?.();
      const remote = remoteWork(work, ready, root);
      await writer.file("want", new TextEncoder().encode(wantedState(remote)));
      await writer.file("run", new TextEncoder().encode(remoteScript(remote)));
      await writer.end();
    },
    receive: async (from) => new TextDecoder().decode(await from.all()),
    ...(work.signal && { signal: work.signal }),
  });
  const stale = result.code === EXIT_STALE || result.code === EXIT_NO_ROOT;
  if (stale) return { put: new Map(), removed: [], stale, complaints: result.stderr };
  if (result.code !== 0 || result.value === undefined) throw scriptError("copy to", result);
  return outcome(work, contents, parseReport(result.value), result.stderr);
}

/** An upload whose last step waits for the batch before; without that it is as stale. */
export async function uploadAfter(
  before: Promise<boolean>,
  ...[shell, root, tree, work]: Parameters<typeof upload>
): Promise<Uploaded> {
  const givenUp = new Error("The batch before was not carried out");
  try {
    return await upload(shell, root, tree, {
      ...work,
      before: async () => {
        if (!await before) throw givenUp;
      },
    });
  } catch (error) {
    if (error !== givenUp) throw error;
    return { put: new Map(), removed: [], stale: true, complaints: [] };
  }
}

function startScript({ path, staging, facts }: RemoteRoot): string {
  const extract = facts.isRoot ? "tar --numeric-owner" : "tar -o";
  return [
    `umask 077; R=${shellQuote(path)}`,
    `S=$(mktemp -d ${shellQuote(`${staging}/up.XXXXXXXX`)}) || exit 74`,
    `trap 'cd /; rm -rf -- "$S"' EXIT; trap 'exit 75' HUP INT TERM PIPE`,
    `export LC_ALL=C; ${extract} -b ${TAR_BLOCKS} -C "$S" -xpf - || exit 74`,
    `[ -f "$S/run" ] && [ -f "$S/want" ] || exit 76`,
    `cd "$R" 2>/dev/null || exit ${EXIT_NO_ROOT}`,
    `. "$S/run"`,
  ].join("\n");
}

/** Returns the content as it is recorded, or nothing if the file has changed since it was seen. */
async function sendEntry(
  writer: TarWriter,
  tree: LocalTree,
  root: RemoteRoot,
  { path, entry }: Put,
  work: Upload,
): Promise<string | undefined> {
  const { kind } = entry;
  const mode = root.isOpen ? openMode(entry.mode, kind) : entry.mode;
  const name = `t/${path}`;
  if (kind === "dir") {
    await writer.entry({ name, kind, mode, mtime: Date.now() / 1000, size: 0 });
    return "";
  }
  const seen = work.localSeen(path);
  if (seen === undefined) return undefined;
  const mtime = Number(seen.stamp.split(" ")[2]) / 1000;
  if (kind === "link") {
    const link = entry.content ?? "";
    await writer.entry({ name, kind, mode: 0o777, mtime, size: 0, link });
    return link;
  }
  return await sendFile(writer, tree, { name, kind, mode, mtime, size: entry.size }, path, {
    stamp: seen.stamp,
    ...(work.onBytes && { onBytes: work.onBytes }),
  });
}

async function sendFile(
  writer: TarWriter,
  tree: LocalTree,
  header: TarHeader,
  path: string,
  options: { stamp: string; onBytes?: (count: number) => void },
): Promise<string | undefined> {
  const { stamp, onBytes } = options;
  if (header.size <= SMALL_ENTRY_BYTES) {
    let content: string | undefined;
    await writer.small(header, (into) => {
      content = readWhole(tree, path, stamp, into);
      return content !== undefined;
    });
    onBytes?.(header.size);
    return content;
  }
  // Looked at before the header goes out: what has vanished or changed does not travel at all.
  const now = look(tree, path, undefined);
  if (now === undefined || "reason" in now || now.stamp !== stamp) return undefined;
  await writer.entry(header);
  let sent = 0;
  const content = await readContent(tree, path, stamp, async (bytes) => {
    await writer.data(bytes, header.size);
    sent += bytes.length;
    onBytes?.(bytes.length);
  });
  // The header has promised so many bytes. They are unpacked and thrown away.
  for (let left = header.size - sent; left > 0;) {
    const filler = new Uint8Array(Math.min(left, 64 * 1024));
    await writer.data(filler, header.size);
    left -= filler.length;
  }
  return content;
}

function remoteWork(work: Upload, ready: readonly Put[], root: RemoteRoot): RemoteWork {
  const kindThere = (path: string) => work.remoteSeen(path)?.entry.kind;
  const isNew = (path: string) => kindThere(path) !== "dir";
  const modeOf = ({ mode, kind }: Put["entry"]) => root.isOpen ? openMode(mode, kind) : mode;
  const overwritten = ready.filter((put) => isOverwritten(work, put));
  const overwrites = new Set(overwritten);
  const moves = new Map<string, string[]>();
  for (const [parent, puts] of moveUnits(ready.filter((put) => !overwrites.has(put)), isNew)) {
    moves.set(parent, puts.map(({ path }) => path));
  }
  const dirs = ready.filter(({ path, entry }) => entry.kind === "dir" && !isNew(path));
  const touched = new Set([...work.remove, ...ready.map(({ path }) => path)]);
  return {
    expected: [...touched].filter(isNew)
      .map((path) => ({ path, stamp: work.remoteSeen(path)?.stamp })),
    remove: work.remove,
    removeDirs: work.removeDirs,
    moves,
    chmod: [...dirs, ...overwritten]
      .map(({ path, entry }) => ({ path, mode: modeOf(entry) })),
    overwrite: overwritten.map(({ path }) => path),
    staged: ready.map(({ path }) => path),
  };
}

function isOverwritten(work: Upload, { path, entry }: Put): boolean {
  return work.inPlace && entry.kind === "file" && work.remoteSeen(path)?.entry.kind === "file";
}

function outcome(
  work: Upload,
  contents: ReadonlyMap<string, string>,
  report: RemoteReport,
  complaints: readonly string[],
): Uploaded {
  const put = new Map<string, { content: string; localStamp: string; remoteStamp: string }>();
  for (const { path, entry } of work.puts) {
    const content = contents.get(path);
    const final = report.final.get(path);
    const staged = report.staged.get(path);
    if (content === undefined || final === undefined || staged === undefined) continue;
    const localStamp = lastingStamp(work.localSeen(path));
    if (entry.kind === "dir") {
      const remoteStamp = dirStamp(stampParts(final).mode);
      put.set(path, { content, localStamp, remoteStamp });
      continue;
    }
    const overwritten = isOverwritten(work, { path, entry });
    if (!overwritten && stampParts(final).identity !== stampParts(staged).identity) continue;
    // Bytes written into an existing file are not proven by its inode: they are read once more.
    const sure = !overwritten && !isRacy(final, report.now);
    put.set(path, { content, localStamp, remoteStamp: sure ? final : "" });
  }
  const removed = [...work.remove, ...work.removeDirs].filter((path) => !report.final.has(path));
  return { put, removed, stale: false, complaints };
}
