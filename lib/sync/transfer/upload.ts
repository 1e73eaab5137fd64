/**
 * From here to the remote host: one tar stream per batch. It is unpacked beside the tree, where nobody
 * looks, and only when it has arrived whole, and nothing it replaces has changed since, is everything
 * moved into place. A cut leaves the tree as it was.
 */
import type { Duplex } from "../../net/duplex.ts";
import { shellQuote } from "../../transport/posix_shell.ts";
import type { Shell } from "../../transport/transport.ts";
import type { Put } from "../core/plan.ts";
import { filesRoot } from "../files/files_root.ts";
import { uploadFiles } from "../files/upload_files.ts";
import type { LocalTree } from "../local/tree.ts";
import type { RemoteRoot } from "../remote/root.ts";
import { EXIT_NO_ROOT, runScript, scriptError } from "../remote/shell.ts";
import { uploadVolume } from "../volume/upload_volume.ts";
import { GzipWriter } from "./gzip.ts";
import { type Candidate, sendLargeFiles, type Sent } from "./large_files.ts";
import { keepLargeFiles, LARGE_FILE_BYTES } from "./large_keep.ts";
import { EXIT_STALE, parseReport, remoteScript, wantedState } from "./remote_script.ts";
import { sendEntry } from "./send_entry.ts";
import { TarWriter } from "./tar_write.ts";
import { nothingDone, outcome, remoteWork, type Upload, type Uploaded } from "./upload_work.ts";

/** Blocks that tar reads at a time: 64 KiB. */
const TAR_BLOCKS = 128;

/** See the file comment. Throws `AgentError`; the remote tree is then as before, or partly as wanted. */
async function upload(
  shell: Shell,
  root: RemoteRoot,
  tree: LocalTree,
  work: Upload,
): Promise<Uploaded> {
  const large = await sendLargeFiles(shell, root, tree, candidates(work), work);
  const contents = new Map(large.map(({ path, content }) => [path, content]));
  // How long we waited for the link, not for our own disk.
  const counts = { raw: 0, sent: 0, ms: 0 };
  let ended = 0;
  let left: readonly Put[] = [];
  const isCompressed = root.facts.gzip && root.link.compresses;
  const result = await runScript(shell, startScript(root, isCompressed), {
    send: async (to) => {
      const link = countingWriter(to, (count, ms) => {
        counts.sent += count;
        counts.ms += ms;
        if (!isCompressed) root.link.noteSoFar(counts.sent, counts.ms);
      });
      const gzip = isCompressed ? new GzipWriter(link) : undefined;
      const raw = countingWriter(gzip ?? link, (count) => counts.raw += count);
      const writer = new TarWriter(raw);
      try {
        left = await sendArchive(writer, root, tree, work, large, contents);
        await gzip?.end();
      } finally {
        await gzip?.abort();
      }
      ended = performance.now();
    },
    receive: async (from) => new TextDecoder().decode(await from.all()),
    ...(work.signal && { signal: work.signal }),
  });
  const stale = result.code === EXIT_STALE || result.code === EXIT_NO_ROOT;
  if (stale) return nothingDone(result.stderr);
  if (result.code !== 0 || result.value === undefined) throw scriptError("copy to", result);
  root.link.note(counts.raw, counts.sent, counts.ms + performance.now() - ended);
  return { ...outcome(work, contents, parseReport(result.value), result.stderr), left };
}

function countingWriter(
  to: Pick<Duplex, "write" | "givesBack">,
  count: (bytes: number, ms: number) => void,
): Pick<Duplex, "write" | "givesBack"> {
  return {
    ...(to.givesBack && { givesBack: true }),
    write: async (chunk: Uint8Array) => {
      const [{ length }, began] = [chunk, performance.now()];
      await to.write(chunk);
      count(length, performance.now() - began);
    },
  };
}

/**
 * Sends what is not there yet, and what is to be done with all of it; adds to `contents`. If the link
 * turns out to be so slow that the rest should be compressed, that is left and returned.
 */
async function sendArchive(
  writer: TarWriter,
  root: RemoteRoot,
  tree: LocalTree,
  work: Upload,
  large: readonly Sent[],
  contents: Map<string, string>,
): Promise<readonly Put[]> {
  const { puts, onBytes, hashes } = work;
  const ready: Put[] = [];
  const isProbe = root.facts.gzip && !root.link.isKnown;
  let next = 0;
  while (next < puts.length && !(isProbe && root.link.compresses)) {
    const put = puts[next++] as Put;
    const options = { seen: work.localSeen(put.path), onBytes, hashes };
    const content = contents.get(put.path) ?? await sendEntry(writer, tree, root, put, options);
    if (content === undefined) continue;
    contents.set(put.path, content);
    ready.push(put);
  }
  await work.before?.();
  const remote = remoteWork(work, ready, large, root);
  await writer.file("want", new TextEncoder().encode(wantedState(remote)));
  await writer.file("run", new TextEncoder().encode(remoteScript(remote)));
  await writer.end();
  return puts.slice(next);
}

/** An upload whose last step waits for the batch before; without that it is as stale. */
export async function uploadAfter(
  before: Promise<boolean>,
  ...[shell, root, tree, work]: Parameters<typeof upload>
): Promise<Uploaded> {
  const givenUp = new Error("The batch before was not carried out");
  try {
    const waiting = {
      ...work,
      before: async () => {
        if (!await before) throw givenUp;
      },
    };
    const { volume } = root;
    if (volume !== undefined) return await uploadVolume(volume, root, tree, waiting);
    return filesRoot(root) === undefined
      ? await upload(shell, root, tree, waiting)
      : await uploadFiles(root, tree, waiting);
  } catch (error) {
    if (error !== givenUp) throw error;
    return nothingDone([]);
  }
}

function startScript({ path, staging, facts }: RemoteRoot, isCompressed: boolean): string {
  const extract = facts.isRoot ? "tar --numeric-owner" : "tar -o";
  return [
    `umask 077; R=${shellQuote(path)}`,
    `S=$(mktemp -d ${shellQuote(`${staging}/up.XXXXXXXX`)}) || exit 74`,
    `drop() { [ $? = 0 ] || { cd /; ${keepLargeFiles(staging)}; }; cd /; rm -rf -- "$S"; }`,
    `trap drop EXIT; trap 'exit 75' HUP INT TERM PIPE`,
    `export LC_ALL=C; ${
      isCompressed ? "gzip -dc | " : ""
    }${extract} -b ${TAR_BLOCKS} -C "$S" -xpf - || exit 74`,
    `[ -f "$S/run" ] && [ -f "$S/want" ] || exit 76`,
    `cd "$R" 2>/dev/null || exit ${EXIT_NO_ROOT}`,
    `. "$S/run"`,
  ].join("\n");
}

/** Large files that replace another, or may have been on their way before. */
function candidates({ puts, localSeen, remoteSeen }: Upload): Candidate[] {
  return puts.flatMap(({ path, entry: { kind, size } }) => {
    const stamp = localSeen(path)?.stamp;
    if (kind !== "file" || size < LARGE_FILE_BYTES || stamp === undefined) return [];
    const there = remoteSeen(path)?.entry;
    const isThere = there?.kind === "file" && there.size >= LARGE_FILE_BYTES;
    return [{ path, stamp, size, isThere }];
  });
}
