/** What the work over SFTP needs to know of a remote root. Plain data. */
import type { RemoteFiles } from "../../transport/remote_files.ts";
import type { RemoteRoot } from "../remote/root.ts";

/** See the file comment. */
export interface FilesRoot {
  readonly files: RemoteFiles;
  readonly path: string;
  readonly staging: string;
  readonly isRoot: boolean;
  readonly me: { readonly uid: number; readonly gid: number };
}

/** The root as this side sees it; nothing where there are commands. */
export function filesRoot({ facts, path, staging }: RemoteRoot): FilesRoot | undefined {
  const { files, isRoot, me = { uid: -1, gid: -1 } } = facts;
  return files && { files, path, staging, isRoot, me };
}
