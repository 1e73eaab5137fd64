/** One entry of an upload into a volume, and the state in which it arrives. */
import { localPath } from "../core/path_map.ts";
import type { Put } from "../core/plan.ts";
import { type LocalTree, look, readContent, readWhole, statOrNothing } from "../local/tree.ts";
import type { RemoteRoot } from "../remote/root.ts";
import { openMode } from "../remote/stamp.ts";
import { contentHash } from "../transfer/content_hash.ts";
import { SMALL_ENTRY_BYTES, type TarHeader, type TarWriter } from "../transfer/tar_write.ts";
import type { Upload } from "../transfer/upload_work.ts";
import type { VolumeState } from "./volume_stamp.ts";

/** Owners that the header of a tar archive can tell. */
const MAX_ID = 0o7777777;
type Owner = Pick<TarHeader, "uid" | "gid">;
const FILLER_BYTES = 64 * 1024;

/** What an entry became there. */
export interface SentState extends VolumeState {
  /** The file has changed while it was read: this is no state that it ever had here. */
  readonly isTorn?: true;
}

/** Nothing is sent, and nothing returned, if the path is not as it was seen. */
export async function sendToVolume(
  archive: TarWriter,
  tree: LocalTree,
  root: RemoteRoot,
  { path, entry }: Put,
  { localSeen, onBytes }: Pick<Upload, "localSeen" | "onBytes">,
): Promise<SentState | undefined> {
  const { kind, size } = entry;
  const mode = root.isOpen ? openMode(entry.mode, kind) : entry.mode;
  const info = statOrNothing(localPath(tree.root, path, tree.platform));
  if (info === undefined) return undefined;
  const base = { name: path, kind, ...ownerIn(info) };
  if (kind === "dir") {
    await archive.entry({ ...base, mode, mtime: Date.now() / 1000, size: 0 });
    return { kind, mode, size: 0, mtime: 0, content: "" };
  }
  const stamp = localSeen(path)?.stamp;
  if (stamp === undefined) return undefined;
  const mtime = Math.max(0, Math.floor(Number(stamp.split(" ")[2]) / 1000));
  if (kind === "link") {
    const content = entry.content ?? "";
    await archive.entry({ ...base, mode: 0o777, mtime, size: 0, link: content });
    return { kind, mode: 0, size: 0, mtime, content };
  }
  const header = { ...base, mode, mtime, size };
  const sent = size <= SMALL_ENTRY_BYTES
    ? await sendSmall(archive, tree, path, stamp, header)
    : await sendLarge(archive, tree, path, stamp, header, onBytes);
  if (size <= SMALL_ENTRY_BYTES) onBytes?.(size);
  return sent && { kind, mode, size, mtime, ...sent };
}

async function sendSmall(
  archive: TarWriter,
  tree: LocalTree,
  path: string,
  stamp: string,
  header: TarHeader,
): Promise<Pick<SentState, "content"> | undefined> {
  let content: string | undefined;
  await archive.small(header, (into) => {
    content = readWhole(tree, path, stamp, into);
    return content !== undefined;
  });
  return content === undefined ? undefined : { content };
}

async function sendLarge(
  archive: TarWriter,
  tree: LocalTree,
  path: string,
  stamp: string,
  header: TarHeader,
  onBytes: ((count: number) => void) | undefined,
): Promise<Pick<SentState, "content" | "isTorn"> | undefined> {
  const now = look(tree, path, undefined);
  if (now === undefined || "reason" in now || now.stamp !== stamp) return undefined;
  const { size } = header;
  const sent = contentHash();
  let whole: string | undefined;
  const hash = { add: (bytes: Uint8Array) => sent.add(bytes), end: () => whole ??= sent.end() };
  let left = size;
  const send = async (bytes: Uint8Array) => {
    left -= bytes.length;
    await archive.data(bytes, size);
    onBytes?.(bytes.length);
  };
  await archive.entry(header);
  const content = await readContent(tree, path, stamp, { take: send, hash });
  // The header has promised so many bytes.
  while (left > 0) {
    const filler = new Uint8Array(Math.min(left, FILLER_BYTES));
    hash.add(filler);
    await send(filler);
  }
  return content === undefined ? { content: hash.end(), isTorn: true } : { content };
}

/** As a bind mount shows it: who owns it here owns it there. Elsewhere than on Linux, root does. */
export function ownerIn(info: Pick<Deno.FileInfo, "uid" | "gid">): Required<Owner> {
  return { uid: idOf(info.uid), gid: idOf(info.gid) };
}

function idOf(id: number | null): number {
  return Deno.build.os !== "linux" || id === null || id > MAX_ID ? 0 : id;
}
