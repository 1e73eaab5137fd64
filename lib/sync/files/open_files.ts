/** The remote directories of a session where there is only SFTP: made, cleared, removed. */
import { isMissing, RemoteFileError, type RemoteFiles } from "../../transport/remote_files.ts";
import { together } from "./together.ts";

/** Makes a directory and those above it that are missing. Returns whether it was not there. */
export async function makeDirs(files: RemoteFiles, path: string, mode: number): Promise<boolean> {
  try {
    await files.lstat(path);
    return false;
  } catch (error) {
    if (!isMissing(error) || path === "/") throw error;
  }
  await makeDirs(files, path.slice(0, path.lastIndexOf("/")) || "/", mode);
  try {
    await files.mkdir(path, mode);
  } catch (error) {
    // Somebody else may have made it meanwhile; otherwise the next look fails.
    if (!(error instanceof RemoteFileError)) throw error;
    await files.lstat(path);
    return false;
  }
  // The umask of the server has its say in what mkdir makes.
  await files.setMode(path, mode);
  return true;
}

/** Removes a directory and all that is in it; one that is not there is removed. */
export async function removeTree(files: RemoteFiles, path: string): Promise<void> {
  try {
    const names = await files.list(path);
    const inside = (kind: boolean) => names.filter(({ info }) => (info.kind === "dir") === kind);
    await together(inside(false), ({ name }) => files.unlink(`${path}/${name}`));
    for (const { name } of inside(true)) await removeTree(files, `${path}/${name}`);
    await files.rmdir(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** What {@link openFiles} found. */
export interface OpenedFiles {
  readonly path: string;
  readonly staging: string;
  /** What is made there belongs to root. */
  readonly isRoot: boolean;
  readonly uid: number;
  readonly gid: number;
}

/** Makes the directories of a session, and clears what a killed agent has left in them. */
export async function openFiles(
  files: RemoteFiles,
  where: { readonly path: string; readonly staging: string; readonly isPlain: boolean },
): Promise<OpenedFiles> {
  const parent = where.path.slice(0, where.path.lastIndexOf("/")) || "/";
  await makeDirs(files, parent, 0o700);
  const isNew = await makeDirs(files, where.path, 0o700);
  await makeDirs(files, where.staging, 0o700);
  const { uid, gid } = await files.lstat(where.staging);
  const isOpen = uid !== 0 && !where.isPlain;
  if (isNew) await files.setMode(where.path, isOpen ? 0o777 : 0o755);
  const [path, staging] = await Promise.all([
    files.realpath(where.path),
    files.realpath(where.staging),
  ]);
  for (const { name, info } of await files.list(staging)) {
    if (name.startsWith("up.")) await removeTree(files, `${staging}/${name}`);
    else if (name.startsWith("clock.") && info.kind === "file") {
      await files.unlink(`${staging}/${name}`);
    }
  }
  return { path, staging, isRoot: uid === 0, uid, gid };
}
