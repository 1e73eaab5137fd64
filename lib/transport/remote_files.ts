/** Files of the remote host, without commands: what SFTP offers, in our own words. */
import { AgentError } from "../errors.ts";

/** What a path of the remote host is; a symlink is told as itself. */
export interface RemoteInfo {
  readonly kind: "file" | "dir" | "link" | "socket" | "pipe" | "device" | "unknown";
  /** Permission bits, 0 to 0o777. */
  readonly mode: number;
  readonly size: number;
  /** Whole seconds since the epoch. */
  readonly mtime: number;
  readonly uid: number;
  readonly gid: number;
}

/** One name in a directory. */
export interface RemoteName {
  /** Bytes that are no UTF-8 are U+FFFD. */
  readonly name: string;
  readonly info: RemoteInfo;
}

/** A file that is read from its beginning. One owner, who closes it. */
export interface RemoteReader {
  /** As it was when it was opened. */
  readonly info: RemoteInfo;
  /** The next bytes; `null` at the end that the file had when it was opened, or has now. */
  next(): Promise<Uint8Array | null>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** What a writer may have under way; before that, everything has been written. */
export const MAX_UNDER_WAY_BYTES = 1024 * 1024;

/** A file that is written, from its beginning unless said otherwise. One owner, who closes it. */
export interface RemoteWriter {
  /** Returns while requests are under way; `chunk` may be used again then. */
  write(chunk: Uint8Array): Promise<void>;
  /** Everything is there: sets the length, and what is given. */
  finish(attributes: { mode?: number; mtime: number }): Promise<void>;
  /** Never rejects. */
  close(): Promise<void>;
}

/**
 * See the file comment. Paths are absolute. All methods throw {@link RemoteFileError}, or `AgentError`
 * of kind `lost` when the connection is gone. Ends with the connection.
 */
export interface RemoteFiles {
  /** Whether it can still be used. */
  readonly isOpen: boolean;
  list(path: string): Promise<RemoteName[]>;
  lstat(path: string): Promise<RemoteInfo>;
  readlink(path: string): Promise<string>;
  /** Without symlinks; "." is where the user begins. */
  realpath(path: string): Promise<string>;
  mkdir(path: string, mode: number): Promise<void>;
  rmdir(path: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Replaces what is at `to`, at once where the host can. */
  rename(from: string, to: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  setMode(path: string, mode: number): Promise<void>;
  read(path: string): Promise<RemoteReader>;
  /** Makes a file, which must not be there, for its owner alone. */
  create(path: string): Promise<RemoteWriter>;
  /** Writes over what a file holds, from byte `from` on (0); the file stays the same one. */
  overwrite(path: string, from?: number): Promise<RemoteWriter>;
  /** Bytes that may still be written below a path; `undefined` if the host does not tell. */
  freeBytes(path: string): Promise<number | undefined>;
}

/** Why a path was refused, as far as SFTP tells. */
export type FileFault = "missing" | "denied" | "refused-name" | "failed";

/** A call that the remote host has refused. */
export class RemoteFileError extends AgentError {
  readonly fault: FileFault;
  readonly path: string;

  constructor(action: string, path: string, fault: FileFault, reason: string, cause?: unknown) {
    super("engine", `Cannot ${action} "${path}" on the remote host: ${reason}`, { cause });
    this.fault = fault;
    this.path = path;
  }
}

/** Whether it says that there is nothing at a path. */
export function isMissing(error: unknown): boolean {
  return error instanceof RemoteFileError && error.fault === "missing";
}
