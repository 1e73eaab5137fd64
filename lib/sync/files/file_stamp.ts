/**
 * Stamps (see `remote/stamp.ts`) of what SFTP tells: no inode, no time of change, whole seconds. A
 * link's has its target, so that it says everything about it.
 */
import { isMissing, type RemoteFiles, type RemoteInfo } from "../../transport/remote_files.ts";
import { dirStamp } from "../remote/stamp.ts";

/** The stamp of a path, and the letter of its kind as `find` writes it. */
export interface FileState {
  readonly letter: string;
  readonly stamp: string;
  readonly info: RemoteInfo;
  /** Of a link. */
  readonly target: string;
}

const LETTERS: Readonly<Record<RemoteInfo["kind"], string>> = {
  file: "f",
  dir: "d",
  link: "l",
  socket: "s",
  pipe: "p",
  device: "c",
  unknown: "?",
};

/** The state of a path of which this much is known. */
export function stateOf(info: RemoteInfo, target = ""): FileState {
  const { kind, size, mtime, mode } = info;
  const inode = kind === "link" ? `l:${encodeURIComponent(target)}` : "0";
  const stamp = `${inode} ${size} ${mtime} 0 ${mode.toString(8)}`;
  return { letter: LETTERS[kind], stamp, info, target };
}

/** What is at a path; nothing if nothing is. Throws `AgentError`. */
export async function stateAt(files: RemoteFiles, path: string): Promise<FileState | undefined> {
  try {
    const info = await files.lstat(path);
    return stateOf(info, info.kind === "link" ? await files.readlink(path) : "");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The form in which a state is agreed on. */
export function lastingState({ info, stamp }: FileState): string {
  return info.kind === "dir" ? dirStamp(info.mode) : stamp;
}

/** The clock of the file system that holds `staging`, in whole seconds: SFTP has no other. */
export async function remoteClock(files: RemoteFiles, staging: string): Promise<number> {
  const path = `${staging}/clock.${crypto.randomUUID()}`;
  await (await files.create(path)).close();
  try {
    return (await files.lstat(path)).mtime;
  } finally {
    await files.unlink(path);
  }
}
