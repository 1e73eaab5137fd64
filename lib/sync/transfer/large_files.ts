/**
 * Large files of which the remote host has something already: an older version in the tree, or the
 * beginning that an upload cut off has left. They are made equal one by one before a batch goes, in the
 * staging directory, where what has arrived survives a cut; the batch then takes them from there.
 */
import { shellQuote } from "../../transport/posix_shell.ts";
import type { Shell } from "../../transport/transport.ts";
import { localPath } from "../core/path_map.ts";
import { type LocalTree, look, readContent } from "../local/tree.ts";
import type { RemoteRoot } from "../remote/root.ts";
import { askScript } from "../remote/shell.ts";
import { keyOf, LARGE } from "./large_keep.ts";
import { sendByRsync } from "./rsync.ts";

/** One file that has been sent, and where it is. */
export interface Sent {
  readonly path: string;
  readonly key: string;
  readonly content: string;
}

/** A file that may be sent so. */
export interface Candidate {
  readonly path: string;
  /** What was seen here. */
  readonly stamp: string;
  readonly size: number;
  /** There is an older version in the tree. */
  readonly isThere: boolean;
}

/** Sends those of which something is there; the others go with the batch. Throws `AgentError`. */
export async function sendLargeFiles(
  shell: Shell,
  root: RemoteRoot,
  tree: LocalTree,
  candidates: readonly Candidate[],
  options: { onBytes?: (count: number) => void; signal?: AbortSignal | undefined },
): Promise<Sent[]> {
  if (candidates.length === 0 || !root.facts.rsync || Deno.build.os === "windows") return [];
  const { value = "" } = await askScript(shell, prepareScript(root, candidates), options.signal);
  const prepared = new Set(value.split("\n"));
  const sent: Sent[] = [];
  for (const { path, stamp, size } of candidates) {
    const key = keyOf(path);
    const before = look(tree, path, undefined);
    if (!prepared.has(key) || before === undefined) continue;
    if ("reason" in before || before.stamp !== stamp) continue;
    const local = localPath(tree.root, path, tree.platform);
    const directory = `${root.staging}/${LARGE}`;
    const job = { local, directory, name: key, signal: options.signal };
    if (!await sendByRsync(shell, job)) continue;
    const content = await readContent(tree, path, stamp);
    if (content === undefined) continue;
    options.onBytes?.(size);
    sent.push({ path, key, content });
  }
  return sent;
}

/** Prints the keys of those that have a copy, after copying older versions. */
function prepareScript({ path, staging }: RemoteRoot, candidates: readonly Candidate[]): string {
  const lines = candidates.map((candidate) => {
    const key = keyOf(candidate.path);
    const old = shellQuote(`${path}/${candidate.path}`);
    const copy = candidate.isThere ? `|| cp --sparse=always -- ${old} ${key} 2>/dev/null` : "";
    return `{ [ -f ${key} ] ${copy}; } && echo ${key}`;
  });
  return [
    `umask 077; mkdir -p ${shellQuote(`${staging}/${LARGE}`)} || exit 0`,
    `cd ${shellQuote(`${staging}/${LARGE}`)} || exit 0`,
    ...lines,
    "exit 0",
  ].join("\n");
}
