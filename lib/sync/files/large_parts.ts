/**
 * Large files that a cut has kept from arriving whole. They are written beside the tree under a name that
 * says which file, in which state, they are of; the next attempt goes on where one ends. What is cut off
 * when the remote host itself goes down is as its file system leaves it, which is true to the length.
 */
import { createHash } from "node:crypto";
import {
  MAX_UNDER_WAY_BYTES,
  type RemoteFiles,
  type RemoteWriter,
} from "../../transport/remote_files.ts";
import { LARGE } from "../transfer/large_keep.ts";
import { stateAt } from "./file_stamp.ts";
import { makeDirs, removeTree } from "./open_files.ts";

/** A file that is being written. */
export interface LargePart {
  readonly writer: RemoteWriter;
  /** Where it is until it is whole. */
  readonly at: string;
  /** So much of it is there. */
  readonly from: number;
}

/** Begins the part of a file, or goes on with it. The caller closes the writer. */
export async function openPart(
  files: RemoteFiles,
  staging: string,
  { path, stamp, size }: { readonly path: string; readonly stamp: string; readonly size: number },
): Promise<LargePart> {
  const name = createHash("sha256").update(`${stamp}\n${path}`).digest("hex");
  const at = `${staging}/${LARGE}/${name}`;
  const there = (await stateAt(files, at))?.info.size;
  if (there === undefined) {
    await makeDirs(files, `${staging}/${LARGE}`, 0o700);
    return { writer: await files.create(at), at, from: 0 };
  }
  // Requests that were under way may have been done in any order.
  const from = there > size ? 0 : Math.max(0, there - MAX_UNDER_WAY_BYTES);
  return { writer: await files.overwrite(at, from), at, from };
}

/** Removes the parts that were last written before `since`, in seconds of the remote clock. */
export async function dropParts(files: RemoteFiles, staging: string, since: number): Promise<void> {
  const folder = `${staging}/${LARGE}`;
  if (await stateAt(files, folder) === undefined) return;
  if (since === Infinity) return await removeTree(files, folder);
  for (const { name, info } of await files.list(folder)) {
    if (info.mtime < since) await files.unlink(`${folder}/${name}`);
  }
}
