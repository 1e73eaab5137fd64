/**
 * From the remote host to here: one tar stream of the files wanted, whose names go in as they are.
 * What has vanished meanwhile does not arrive; what changes while it is read differs from its stamp at
 * the next look.
 */
import { shellQuote } from "../../transport/posix_shell.ts";
import type { Shell } from "../../transport/transport.ts";
import type { ByteReader } from "../byte_reader.ts";
import { downloadFiles, hashFiles } from "../files/download_files.ts";
import { filesRoot } from "../files/files_root.ts";
import type { RemoteRoot } from "../remote/root.ts";
import { EXIT_NO_ROOT, runScript, scriptError } from "../remote/shell.ts";
import { downloadVolume } from "../volume/download_volume.ts";
import type { FileSink } from "./file_sink.ts";
import { gunzip } from "./gzip.ts";
import { TarReader } from "./tar_read.ts";

const encoder = new TextEncoder();

/** Fetches files. Throws `AgentError`, or what `sink` threw. */
export async function download(
  shell: Shell,
  root: RemoteRoot,
  paths: readonly string[],
  sink: FileSink,
  signal?: AbortSignal,
): Promise<void> {
  const only = filesRoot(root);
  if (only !== undefined) return await downloadFiles(only, paths, sink, signal);
  const { volume } = root;
  if (volume !== undefined) return await downloadVolume(volume, paths, sink, signal);
  const isCompressed = root.facts.gzip && root.link.compresses;
  const script = [
    `cd ${shellQuote(root.path)} 2>/dev/null || exit ${EXIT_NO_ROOT}`,
    "export LC_ALL=C",
    `tar -cf - --no-recursion --hard-dereference --null -T -${isCompressed ? " | gzip -1" : ""}`,
  ].join("\n");
  const began = performance.now();
  const taken: Taken = { bytes: 0, failure: undefined };
  const result = await runScript(shell, script, {
    send: (to) => to.write(encoder.encode(paths.map((path) => `./${path}\0`).join(""))),
    receive: async (from) => {
      const plain = isCompressed ? gunzip(from) : from;
      await takeFiles(plain, new Set(paths), sink, taken);
      await plain.drain();
      return true;
    },
    ...(signal && { signal }),
  });
  if (taken.failure !== undefined) throw taken.failure;
  if (result.value === undefined) throw scriptError("copy from", result);
  // What was sent is not known where it was compressed: the link keeps its rate.
  if (!isCompressed) root.link.note(taken.bytes, taken.bytes, performance.now() - began);
}

/** What has come of an archive, and the first failure to take it. */
interface Taken {
  bytes: number;
  failure: unknown;
}

/** Hands the files of an archive to `sink`, up to its first failure; the archive is read to its end. */
async function takeFiles(
  archive: ByteReader,
  wanted: Set<string>,
  sink: FileSink,
  taken: Taken,
): Promise<void> {
  const reader = new TarReader(archive);
  for (let entry = await reader.next(); entry !== null; entry = await reader.next()) {
    const path = entry.name.replace(/^\.\//, "");
    taken.bytes += entry.size;
    // The other side says what the archive holds; only what was asked for is taken.
    if (!wanted.delete(path) || entry.kind !== "file" || taken.failure !== undefined) continue;
    try {
      await sink(path, entry, () => reader.data());
    } catch (error) {
      taken.failure = error;
    }
  }
}

/** SHA-256 (hex) of remote files; a path that cannot be read has none. Throws `AgentError`. */
export async function remoteContents(
  shell: Shell,
  root: RemoteRoot,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const only = filesRoot(root);
  if (only !== undefined) return await hashFiles(only, paths, signal);
  const found = new Map<string, string>();
  // What is looked at in a volume is read by that, and known.
  if (paths.length === 0 || root.volume !== undefined) return found;
  const script = `cd ${shellQuote(root.path)} && LC_ALL=C xargs -0 sha256sum -z -- 2>/dev/null; :`;
  const result = await runScript(shell, script, {
    send: (to) => to.write(encoder.encode(paths.map((path) => `./${path}\0`).join(""))),
    receive: async (from) => new TextDecoder().decode(await from.all()),
    ...(signal && { signal }),
  });
  if (result.code !== 0 || result.value === undefined) throw scriptError("read files on", result);
  for (const line of result.value.split("\0")) {
    const match = /^([0-9a-f]{64}) [ *]\.\/(.*)$/s.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) found.set(match[2], match[1]);
  }
  return found;
}
