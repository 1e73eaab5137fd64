/**
 * One open file over SFTP, read from its beginning or written, with several requests under way, so that
 * a long way costs little. Owns its handle.
 */
import { Buffer } from "node:buffer";
import {
  MAX_UNDER_WAY_BYTES,
  type RemoteInfo,
  type RemoteReader,
  type RemoteWriter,
} from "../remote_files.ts";
// @ts-types="@types/ssh2"
import type { SFTPWrapper } from "ssh2";

/** What every server takes in one request (draft-ietf-secsh-filexfer-02, section 3). */
const PIECE_BYTES = 32 * 1024;
/** Requests under way for one file. */
const WINDOW = MAX_UNDER_WAY_BYTES / PIECE_BYTES;

/** What is used of the channel; see `sftp.ts`. */
export interface SftpRequests {
  request<T>(
    action: string,
    path: string,
    start: (
      sftp: SFTPWrapper,
      done: (error: Error | undefined | null, value: T) => void,
    ) => void,
  ): Promise<T>;
  /** Reads up to `length` bytes; none at the end of the file. */
  readAt(path: string, handle: Buffer, at: number, length: number): Promise<Uint8Array>;
  /** Never rejects. */
  closeHandle(path: string, handle: Buffer): Promise<void>;
}

/** See the file comment. */
export class SftpReader implements RemoteReader {
  readonly info: RemoteInfo;
  readonly #files: SftpRequests;
  readonly #path: string;
  readonly #handle: Buffer;
  readonly #coming: Promise<Uint8Array>[] = [];
  #asked = 0;
  #ended = false;

  constructor(files: SftpRequests, path: string, handle: Buffer, info: RemoteInfo) {
    this.#files = files;
    this.#path = path;
    this.#handle = handle;
    this.info = info;
  }

  async next(): Promise<Uint8Array | null> {
    while (!this.#ended && this.#coming.length < WINDOW && this.#asked < this.info.size) {
      const length = Math.min(PIECE_BYTES, this.info.size - this.#asked);
      const piece = this.#piece(this.#asked, length);
      piece.catch(() => {}); // told when its turn comes
      this.#coming.push(piece);
      this.#asked += length;
    }
    const first = this.#coming.shift();
    if (first === undefined || this.#ended) return null;
    const bytes = await first;
    if (bytes.length > 0) return bytes;
    this.#ended = true; // it has become shorter
    return null;
  }

  /** A server may give less than was asked for. */
  async #piece(at: number, length: number): Promise<Uint8Array> {
    const first = await this.#files.readAt(this.#path, this.#handle, at, length);
    if (first.length === length || first.length === 0) return first;
    const rest = await this.#piece(at + first.length, length - first.length);
    return Buffer.concat([first, rest]);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#coming);
    await this.#files.closeHandle(this.#path, this.#handle);
  }
}

/** See the file comment. */
export class SftpWriter implements RemoteWriter {
  readonly #files: SftpRequests;
  readonly #path: string;
  readonly #handle: Buffer;
  readonly #going = new Set<Promise<void>>();
  #at: number;
  #failure: unknown;

  /** Writes from byte `from` on. */
  constructor(files: SftpRequests, path: string, handle: Buffer, from = 0) {
    this.#files = files;
    this.#path = path;
    this.#handle = handle;
    this.#at = from;
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
      while (this.#going.size >= WINDOW) await Promise.race(this.#going);
      if (this.#failure !== undefined) throw this.#failure;
      const piece = chunk.subarray(from, from + PIECE_BYTES);
      const sent = this.#send(Buffer.from(piece), this.#at)
        .catch((error) => void (this.#failure ??= error))
        .finally(() => this.#going.delete(sent));
      this.#going.add(sent);
      this.#at += piece.length;
    }
  }

  async #send(piece: Buffer, at: number): Promise<void> {
    await this.#files.request<void>("write", this.#path, (sftp, done) => {
      sftp.write(this.#handle, piece, 0, piece.length, at, (error) => done(error, undefined));
    });
  }

  async finish({ mode, mtime }: { mode?: number; mtime: number }): Promise<void> {
    await Promise.all(this.#going);
    if (this.#failure !== undefined) throw this.#failure;
    const seconds = Math.floor(mtime);
    const attributes = {
      size: this.#at,
      atime: seconds,
      mtime: seconds,
      ...(mtime < 0 && { atime: 0, mtime: 0 }), // unsigned in this version of the protocol
      ...(mode !== undefined && { mode }),
    };
    await this.#files.request<void>("write", this.#path, (sftp, done) => {
      sftp.fsetstat(this.#handle, attributes, (error) => done(error, undefined));
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#going);
    await this.#files.closeHandle(this.#path, this.#handle);
  }
}
