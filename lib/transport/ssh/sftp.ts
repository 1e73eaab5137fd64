/**
 * Files over SFTP (draft-ietf-secsh-filexfer-02, version 3, with OpenSSH's extensions). One channel of a
 * connection, for as long as that lives; several requests are under way at a time.
 */
import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { Attributes, SFTPWrapper } from "ssh2";
import { AgentError, messageOf } from "../../errors.ts";
import {
  type FileFault,
  RemoteFileError,
  type RemoteFiles,
  type RemoteInfo,
  type RemoteName,
  type RemoteReader,
  type RemoteWriter,
} from "../remote_files.ts";
import type { Connection } from "./connection.ts";
import { SftpReader, SftpWriter } from "./sftp_file.ts";

const FAULTS: Readonly<Record<number, [FileFault, string]>> = {
  2: ["missing", "No such file or directory"],
  3: ["denied", "Permission denied"],
  // What OpenSSH makes of ENAMETOOLONG and EINVAL.
  5: ["refused-name", "Invalid argument"],
};
const EOF = 1;

type Done<T> = (error: Error | undefined | null, value: T) => void;

/** Opens SFTP on a connection. Throws `AgentError` (`engine` if the host does not offer it, `lost`). */
export async function openSftp(connection: Connection): Promise<SftpFiles> {
  const { promise, resolve, reject } = Promise.withResolvers<SFTPWrapper>();
  const stop = connection.onLost(() => reject(connection.lost));
  try {
    connection.withClient((client) =>
      client.sftp((error, sftp) => error ? reject(error) : resolve(sftp))
    );
    return new SftpFiles(connection, await promise);
  } catch (cause) {
    if (connection.lost !== undefined) throw connection.lost;
    if (cause instanceof AgentError) throw cause;
    const { name } = connection.peer;
    throw new AgentError("engine", `Cannot use SFTP on ${name}: ${messageOf(cause)}`, { cause });
  } finally {
    stop();
  }
}

/** What is used of the connection. */
type Life = Pick<Connection, "isOpen" | "lost" | "onLost">;

/** See the file comment. */
export class SftpFiles implements RemoteFiles {
  readonly #connection: Life;
  readonly #sftp: SFTPWrapper;
  readonly #waiting = new Set<(error: Error) => void>();
  #ended: AgentError | undefined;

  constructor(connection: Life, sftp: SFTPWrapper) {
    this.#connection = connection;
    this.#sftp = sftp;
    const stop = connection.onLost(() => this.#end());
    sftp.on("error", () => this.#end());
    sftp.on("end", () => this.#end());
    sftp.on("close", () => {
      stop();
      this.#end();
    });
  }

  get isOpen(): boolean {
    return this.#ended === undefined && this.#connection.isOpen;
  }

  #end(): void {
    this.#ended ??= this.#connection.lost ??
      new AgentError("lost", "The connection was lost while files were synced");
    for (const reject of this.#waiting) reject(this.#ended);
    this.#waiting.clear();
  }

  /** One request: what ssh2 never answers once the channel has gone is answered here. */
  async request<T>(
    action: string,
    path: string,
    start: (sftp: SFTPWrapper, done: Done<T>) => void,
  ): Promise<T> {
    if (this.#ended !== undefined) throw this.#ended;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.add(reject);
    try {
      start(this.#sftp, (error, value) => error ? reject(error) : resolve(value));
      return await promise;
    } catch (error) {
      throw error instanceof AgentError ? error : this.#failure(action, path, error);
    } finally {
      this.#waiting.delete(reject);
    }
  }

  #failure(action: string, path: string, error: unknown): AgentError {
    if (this.#ended !== undefined) return this.#ended;
    const code = codeOf(error);
    if (code === undefined && !this.#connection.isOpen) {
      return new AgentError("lost", "The connection was lost while files were synced");
    }
    const [fault, reason] = FAULTS[code ?? -1] ?? ["failed", messageOf(error)];
    return new RemoteFileError(action, path, fault, reason, error);
  }

  async list(path: string): Promise<RemoteName[]> {
    const found = await this.request<{ filename: string; attrs: Attributes }[]>(
      "list",
      path,
      (sftp, done) => sftp.readdir(path, done),
    );
    return found.map(({ filename, attrs }) => ({ name: filename, info: infoOf(attrs) }));
  }

  async lstat(path: string): Promise<RemoteInfo> {
    return infoOf(
      await this.request<Attributes>("look at", path, (sftp, done) => sftp.lstat(path, done)),
    );
  }

  async readlink(path: string): Promise<string> {
    return await this.request("read", path, (sftp, done) => sftp.readlink(path, done));
  }

  async realpath(path: string): Promise<string> {
    return await this.request("find", path, (sftp, done) => sftp.realpath(path, done));
  }

  async mkdir(path: string, mode: number): Promise<void> {
    await this.#change("create", path, (sftp, done) => sftp.mkdir(path, { mode }, done));
  }

  async rmdir(path: string): Promise<void> {
    await this.#change("remove", path, (sftp, done) => sftp.rmdir(path, done));
  }

  async unlink(path: string): Promise<void> {
    await this.#change("remove", path, (sftp, done) => sftp.unlink(path, done));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#change("write", to, (sftp, done) => {
      try {
        sftp.ext_openssh_rename(from, to, done);
      } catch {
        // A server without the extension: its plain rename replaces nothing.
        sftp.unlink(to, () => sftp.rename(from, to, done));
      }
    });
  }

  async symlink(target: string, path: string): Promise<void> {
    await this.#change("create", path, (sftp, done) => sftp.symlink(target, path, done));
  }

  async setMode(path: string, mode: number): Promise<void> {
    await this.#change("change", path, (sftp, done) => sftp.setstat(path, { mode }, done));
  }

  async #change(
    action: string,
    path: string,
    start: (sftp: SFTPWrapper, done: (error?: Error | null) => void) => void,
  ): Promise<void> {
    await this.request<void>(action, path, (sftp, done) => start(sftp, (e) => done(e, undefined)));
  }

  async read(path: string): Promise<RemoteReader> {
    const handle = await this.#open("read", path, "r");
    try {
      const attrs = await this.request<Attributes>(
        "read",
        path,
        (sftp, done) => sftp.fstat(handle, done),
      );
      return new SftpReader(this, path, handle, infoOf(attrs));
    } catch (error) {
      await this.closeHandle(path, handle);
      throw error;
    }
  }

  async create(path: string): Promise<RemoteWriter> {
    return new SftpWriter(this, path, await this.#open("create", path, "wx"));
  }

  async overwrite(path: string, from = 0): Promise<RemoteWriter> {
    return new SftpWriter(this, path, await this.#open("write", path, "r+"), from);
  }

  async #open(action: string, path: string, flags: "r" | "wx" | "r+"): Promise<Buffer> {
    return await this.request(
      action,
      path,
      (sftp, done: Done<Buffer>) => sftp.open(path, flags, { mode: 0o600 }, done),
    );
  }

  /** Never rejects. */
  async closeHandle(path: string, handle: Buffer): Promise<void> {
    try {
      await this.#change("close", path, (sftp, done) => sftp.close(handle, done));
    } catch {
      // The connection is gone, and the handle with it.
    }
  }

  /** Reads up to `length` bytes; none at the end of the file. */
  async readAt(path: string, handle: Buffer, at: number, length: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafe(length);
    const count = await this.request<number>("read", path, (sftp, done) => {
      sftp.read(handle, buffer, 0, length, at, (error, read) => {
        if (codeOf(error) === EOF) done(undefined, 0);
        else done(error, read);
      });
    });
    return buffer.subarray(0, count);
  }

  async freeBytes(path: string): Promise<number | undefined> {
    try {
      const { f_bavail: blocks, f_frsize: size } = await this.request<
        { f_bavail: number; f_frsize: number }
      >("look at", path, (sftp, done) => {
        sftp.ext_openssh_statvfs(path, (error, info) => done(error, numbersOf(info)));
      });
      return blocks * size;
    } catch (error) {
      if (error instanceof RemoteFileError) return undefined;
      throw error;
    }
  }
}

function numbersOf(info: unknown): { f_bavail: number; f_frsize: number } {
  const { f_bavail = 0, f_frsize = 0 } = (info ?? {}) as Record<string, number | bigint>;
  return { f_bavail: Number(f_bavail), f_frsize: Number(f_frsize) };
}

function codeOf(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "number" ? code : undefined;
}

/** By the bits of the file type in `st_mode`. */
const KINDS: Readonly<Record<number, RemoteInfo["kind"]>> = {
  0o040000: "dir",
  0o100000: "file",
  0o120000: "link",
  0o140000: "socket",
  0o010000: "pipe",
  0o020000: "device",
  0o060000: "device",
};

function infoOf({ mode, size, mtime, uid, gid }: Attributes): RemoteInfo {
  const kind = KINDS[mode & 0o170000] ?? "unknown";
  return { kind, mode: mode & 0o777, size, mtime, uid, gid };
}
