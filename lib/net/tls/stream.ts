/**
 * A Duplex over a `node:tls` socket. On Deno 2.9 such a socket has three faults, all of which this file
 * is for. When it is paused it reads on, and keeps in memory whatever the peer sends: so the TCP
 * handle beneath it is stopped and started instead. When it has been paused it may lose the end
 * of the stream: so it is never paused. And a stream that was cut off, be it by a reset, looks like one
 * that the peer has ended: so the handle is watched for an end of TCP before the end of TLS (RFC 8446,
 * section 6.1: without the peer's `close_notify` the data may be truncated).
 */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { asBuffer } from "../buffer.ts";
import { discard, LARGE_PIECE } from "../discard.ts";
import { drained } from "../drain.ts";
import type { Duplex } from "../duplex.ts";
import { Inbox } from "../inbox.ts";
import { nodeStreamDuplex } from "../node_stream.ts";

/** Unread bytes from which on the peer has to wait. */
const MAX_UNREAD = 64 * 1024;

/** What is used of the handle of a TCP socket. */
interface TcpHandle {
  readStart(): unknown;
  readStop(): unknown;
  /** Is given what has arrived, still encrypted, and decrypts it before it returns; nothing at the end. */
  onread(arrived: unknown): void;
}

/**
 * Wraps a socket that is connected, its handshake complete, with TLS or without; nobody else reads it.
 * The wrapper owns it from here on.
 */
export function socketDuplex(socket: Socket): Duplex {
  return socket instanceof TLSSocket ? new TlsSocketDuplex(socket) : nodeStreamDuplex(socket);
}

class TlsSocketDuplex implements Duplex {
  readonly closed: Promise<void>;
  readonly readsSole = true;
  readonly givesBack = true;
  readonly #socket: TLSSocket;
  readonly #tcp: TcpHandle | undefined;
  readonly #inbox = new Inbox();
  #stopped = false;
  #ended = false;
  #cut: Error | undefined;
  #error: Error | undefined;
  #closed = false;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    this.#tcp = tcpHandleOf(socket);
    if (this.#tcp !== undefined) watchEncrypted(this.#tcp, () => this.#noteTcpEnd());
    this.#noteTlsEnd();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.on("data", (chunk: Uint8Array) => this.#put(chunk));
    socket.on("end", () => this.#inbox.end(this.#cut));
    socket.on("error", (error: Error) => this.#stop(error));
    socket.on("close", () => {
      this.#stop(undefined);
      resolve();
    });
  }

  /** Both ends may come before the socket has told of the first, so this looks at what it is told. */
  #noteTlsEnd(): void {
    const push = this.#socket.push.bind(this.#socket);
    this.#socket.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      if (chunk === null) this.#ended = true;
      return push(chunk, encoding);
    };
  }

  /** Nothing more comes over TCP; what has come before is delivered all the same. */
  #noteTcpEnd(): void {
    if (!this.#ended) this.#cut ??= new Deno.errors.UnexpectedEof("The TLS stream was cut off");
  }

  #put(chunk: Uint8Array): void {
    this.#inbox.put(chunk);
    if (this.#inbox.bytes < MAX_UNREAD || this.#stopped || this.#closed) return;
    this.#stopped = true;
    this.#tcp?.readStop();
  }

  #stop(error: Error | undefined): void {
    this.#error ??= error;
    this.#closed = true;
    this.#inbox.end(this.#error);
  }

  read(): Promise<Uint8Array | null> {
    const chunk = this.#inbox.take();
    if (this.#stopped && !this.#closed && this.#inbox.bytes < MAX_UNREAD) {
      this.#stopped = false;
      this.#tcp?.readStart();
    }
    return chunk;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#throwIfNotWritable();
    // A write of nothing fails here.
    if (chunk.length === 0) return;
    // What does not wait behind another one is encrypted at once.
    const isKept = chunk.length >= LARGE_PIECE || this.#socket.writableLength > 0;
    if (isKept) await this.#writeThrough(chunk);
    else if (!this.#socket.write(asBuffer(chunk))) await drained(this.#socket);
    else return;
    this.#throwIfNotWritable();
  }

  /** Settles, never rejecting, when all of `chunk` has been encrypted, or the socket is closed. */
  #writeThrough(chunk: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#socket.off("close", done);
        resolve();
      };
      this.#socket.on("close", done);
      this.#socket.write(asBuffer(chunk), done);
    });
  }

  #throwIfNotWritable(): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.#closed || !this.#socket.writable) {
      throw new Deno.errors.BrokenPipe("The stream is closed for writing");
    }
  }

  /** Settles when all that was written is on its way: a `close` right after it loses nothing. */
  async closeWrite(): Promise<void> {
    if (this.#closed || this.#socket.writableEnded) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.once("finish", resolve);
    this.#socket.once("close", resolve);
    this.#socket.end();
    await promise;
  }

  close(): void {
    if (!this.#socket.destroyed) this.#socket.destroy();
    this.#stop(undefined);
  }
}

/**
 * Calls `onEnd` before the socket learns of an end of TCP, whatever its reason, and gives back what was
 * read: Deno makes a buffer of 64 KiB for each read, however little has come; see `discard.ts`.
 */
function watchEncrypted(tcp: TcpHandle, onEnd: () => void): void {
  const { onread } = tcp;
  tcp.onread = (arrived) => {
    if (!(arrived instanceof ArrayBuffer)) onEnd();
    onread.call(tcp, arrived);
    if (arrived instanceof ArrayBuffer) discard(new Uint8Array(arrived));
  };
  // The handle looks for its listener when it begins to read.
  tcp.readStop();
  tcp.readStart();
}

/** Nothing where the runtime has none, as Node itself, whose sockets stop by themselves. */
function tcpHandleOf(socket: TLSSocket): TcpHandle | undefined {
  const handle: unknown = Reflect.get(socket, "_handle");
  const tcp: unknown = isObject(handle) ? Reflect.get(handle, "_parent") : undefined;
  return isTcpHandle(tcp) ? tcp : undefined;
}

function isTcpHandle(value: unknown): value is TcpHandle {
  return isObject(value) &&
    ["readStart", "readStop", "onread"].every((name) =>
      typeof Reflect.get(value, name) === "function"
    );
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
