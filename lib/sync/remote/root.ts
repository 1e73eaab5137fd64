/**
 * One remote directory tree as a session sees it: where it is, where files are put together before
 * they are moved into it, and what the host can do. Plain data.
 */
import { AgentError, isLostError } from "../../errors.ts";
import { shellQuote } from "../../transport/posix_shell.ts";
import { RemoteFileError, type RemoteFiles } from "../../transport/remote_files.ts";
import type { Shell } from "../../transport/transport.ts";
import { dropParts } from "../files/large_parts.ts";
import { makeDirs, openFiles } from "../files/open_files.ts";
import { keepLargeFiles, LARGE, LINK } from "../transfer/large_keep.ts";
import { LinkRate } from "../transfer/link_rate.ts";
import type { Volume } from "../volume/volume.ts";
import { askScript } from "./shell.ts";

/** What an upload cut off has left is kept for the next attempt, but not for ever. */
const KEEP_DAYS = 7;

/** What one question tells about the remote host. */
export interface RemoteFacts {
  /** It may give files away, so that owners and modes are kept as they are. */
  readonly isRoot: boolean;
  readonly home: string;
  readonly rsync: boolean;
  readonly gzip: boolean;
  /** There are no commands, or not the tools: everything goes by SFTP. */
  readonly files?: RemoteFiles;
  /** There is only the engine: the copy is in a volume. */
  readonly isByEngine?: boolean;
  /** Whose files we make there, where that is the only way to know what may be read. */
  readonly me?: { readonly uid: number; readonly gid: number };
}

/** See the file comment. */
export interface RemoteRoot {
  /** Absolute, without symlinks. */
  readonly path: string;
  /** A directory on the same file system, which containers do not see. */
  readonly staging: string;
  readonly facts: RemoteFacts;
  /** Any container user may write what we make, because we cannot give it away. */
  readonly isOpen: boolean;
  /** What is known of the way there. */
  readonly link: LinkRate;
  /** Where there is only the engine: all of the above is in it, and `path` is its name. */
  readonly volume?: Volume;
  /** Where the host has that volume. */
  readonly mountpoint?: string;
}

const PROBE = [
  'printf "uid=%s\\nhome=%s\\n" "$(id -u)" "$HOME"',
  "find --version 2>/dev/null | head -n 1",
  "stat --version 2>/dev/null | head -n 1",
  "tar --version 2>/dev/null | head -n 1",
  "for t in rsync gzip; do command -v $t >/dev/null 2>&1 && echo $t; done",
  ":",
].join("; ");

/** Asks once per connection. Throws `AgentError` if the host has neither the tools nor SFTP. */
export async function probeRemote(shell: Shell, signal?: AbortSignal): Promise<RemoteFacts> {
  let byCommands: unknown;
  try {
    return await probeTools(shell, signal);
  } catch (error) {
    const isAnswer = error instanceof AgentError && error.kind === "engine";
    if (!isAnswer || shell.files === undefined) throw error;
    byCommands = error;
  }
  try {
    const files = await shell.files();
    const home = await files.realpath(".");
    return { isRoot: false, home, rsync: false, gzip: false, files };
  } catch (error) {
    throw isLostError(error) ? error : byCommands;
  }
}

async function probeTools(shell: Shell, signal: AbortSignal | undefined): Promise<RemoteFacts> {
  const { value = "", code, stderr } = await askScript(shell, PROBE, signal);
  const lacking = ["find", "stat", "tar"].filter((tool) =>
    !value.split("\n").some((line) => line.startsWith(`${tool} (GNU`))
  );
  if (code !== 0 || lacking.length > 0) {
    const said = stderr.length > 0 ? `: ${stderr.join("; ")}` : "";
    throw new AgentError("engine", `Cannot sync files to the remote host${said}`, {
      hint: `it needs a POSIX shell and GNU ${lacking.join(", ") || "tools"}, or SFTP`,
    });
  }
  const home = value.match(/^home=(.*)$/m)?.[1] ?? "";
  return {
    isRoot: /^uid=0$/m.test(value),
    home,
    rsync: /^rsync$/m.test(value),
    gzip: /^gzip$/m.test(value),
  };
}

/** Creates the directories and resolves symlinks above them. Throws `AgentError`. */
export async function openRemoteRoot(
  shell: Shell,
  facts: RemoteFacts,
  where: { readonly path: string; readonly staging: string; readonly isPlain: boolean },
  signal?: AbortSignal,
): Promise<RemoteRoot> {
  if (facts.files !== undefined) return await openByFiles(facts.files, facts, where);
  // The directories made on the way keep others out; the last one is open to any container user.
  const isOpen = !facts.isRoot && !where.isPlain;
  const script = `umask 077; ` +
    `if [ ! -d ${shellQuote(where.path)} ]; then mkdir -p ${shellQuote(where.path)} && ` +
    `chmod ${isOpen ? "777" : "755"} ${shellQuote(where.path)}; fi && ` +
    `cd ${shellQuote(where.path)} && pwd -P && mkdir -p ${shellQuote(where.staging)} && ` +
    `cd ${shellQuote(where.staging)} && pwd -P && ` +
    `for S in ./up.*; do ${keepLargeFiles(".")}; done; rm -rf ./up.*; ` +
    `find ./${LARGE} -type f -mtime +${KEEP_DAYS} -delete 2>/dev/null; rm -f ./${LARGE}/*${LINK}`;
  const { value = "", code, stderr } = await askScript(shell, script, signal);
  const [path, staging] = value.split("\n");
  if (code !== 0 || !path || !staging) {
    throw new AgentError(
      "engine",
      `Cannot create "${where.path}" on the remote host: ${stderr.join("; ")}`,
      { hint: hintFor(where) },
    );
  }
  return { path, staging, facts, isOpen, link: new LinkRate() };
}

async function openByFiles(
  files: RemoteFiles,
  facts: RemoteFacts,
  where: { readonly path: string; readonly staging: string; readonly isPlain: boolean },
): Promise<RemoteRoot> {
  try {
    const { path, staging, isRoot, uid, gid } = await openFiles(files, where);
    await dropParts(files, staging, Date.now() / 1000 - KEEP_DAYS * 24 * 3600);
    const isOpen = !isRoot && !where.isPlain;
    const known = { ...facts, isRoot, me: { uid, gid } };
    return { path, staging, facts: known, isOpen, link: new LinkRate() };
  } catch (cause) {
    if (!(cause instanceof RemoteFileError)) throw cause;
    throw new AgentError("engine", cause.message, {
      cause,
      hint: hintFor(where),
    });
  }
}

function hintFor({ isPlain }: { readonly isPlain: boolean }): string {
  return isPlain
    ? "name a directory that the user there may write"
    : "name another directory with --sync-root";
}

/** `~` at the beginning stands for the remote home directory. */
export function expandHome(path: string, facts: RemoteFacts): string {
  return path === "~" || path.startsWith("~/") ? facts.home + path.slice(1) : path;
}

/** Makes a directory below the root, and those above it, for the engine to find at once. */
export async function makeRemoteDir(
  shell: Shell,
  root: RemoteRoot,
  below: string,
  signal: AbortSignal,
): Promise<void> {
  if (root.volume !== undefined) return await root.volume.makeDirs(below, signal);
  const path = `${root.path}/${below}`;
  const { files } = root.facts;
  if (files !== undefined) return void await makeDirs(files, path, root.isOpen ? 0o777 : 0o755);
  const script = `umask ${root.isOpen ? "0" : "22"}; mkdir -p -- ${shellQuote(path)}`;
  const { code, stderr } = await askScript(shell, script, signal);
  if (code === 0) return;
  throw new AgentError(
    "engine",
    `Cannot create "${path}" on the remote host: ${stderr.join("; ")}`,
  );
}
