/**
 * A Duplex over one ssh2 channel. It takes what arrives, and gives what is to be sent, past the Node
 * streams that a channel also is: those cost several times what the SSH packet does. Only the ends of
 * the two directions go through them, since ssh2 frees a channel by them. A channel also reports a
 * lost connection as an ordinary end, and forgets the callback of a write that the host will never
 * take; this adapter puts that right. It owns the channel.
 */
import type { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ClientChannel, ServerChannel } from "ssh2";
import { asBuffer } from "../../net/buffer.ts";
import type { Duplex } from "../../net/duplex.ts";
import { Inbox } from "../../net/inbox.ts";

/** Unread bytes from which on the host is not granted more; ssh2's own window. */
const MAX_UNREAD = 2 * 1024 * 1024;
const DONE = Promise.resolve();

/** What a channel has to know of the connection it is on, at either end. */
export interface ChannelCarrier {
  /**
   * Calls `listener` when the connection is gone, unless the returned function was called before. Not
   * a promise: its reactions would outlive the channels, thousands of them on a connection of days.
   */
  onLost(listener: () => void): () => void;
  /** Why nothing can be read or written any more; `undefined` while the connection lives. */
  readonly lost: Error | undefined;
  /** Resolves once the stream beneath has room. */
  drained(): Promise<void> | undefined;
}

/** Wraps a channel of `connection` and owns it. `onRead` is told how many bytes were just read. */
export function channelDuplex(
  channel: ClientChannel | ServerChannel,
  connection: ChannelCarrier,
  onRead: (bytes: number) => void = () => {},
): Duplex {
  return new ChannelDuplex(channel, connection, onRead);
}

class ChannelDuplex implements Duplex {
  readonly closed: Promise<void>;
  /** A packet is a copy: see `Protocol.channelData` of ssh2. */
  readonly givesBack = true;
  readonly #channel: ClientChannel | ServerChannel;
  readonly #connection: ChannelCarrier;
  readonly #inbox: Inbox;
  #isFull = false;
  #freed = false;
  #closing = false;
  #writeEnded = false;
  #wakeWriter: (() => void) | undefined;

  constructor(
    channel: ClientChannel | ServerChannel,
    connection: ChannelCarrier,
    onRead: (bytes: number) => void,
  ) {
    this.#channel = channel;
    this.#connection = connection;
    this.#inbox = new Inbox((bytes) => {
      onRead(bytes);
      if (this.#isFull && this.#inbox.bytes < MAX_UNREAD) this.#grant();
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    channel.on("end", () => this.#inbox.end(connection.lost));
    // ssh2 never emits an error on a channel; if it did, `close` would follow.
    channel.on("error", () => this.#stop());
    const forget = connection.onLost(() => this.#stop());
    channel.on("close", () => {
      this.#freed = true;
      forget();
      this.#stop();
      resolve();
    });
    this.#receive();
    endOnce(channel);
  }

  /** ssh2 hands over what arrives by `push`, as any source of a Node stream does. */
  #receive(): void {
    const channel = this.#channel;
    const push = channel.push.bind(channel);
    channel.push = (chunk: Buffer | null) => {
      if (chunk !== null) return this.#put(chunk);
      push(null);
      // Makes the stream, which is always empty, emit `end`.
      channel.read();
      return false;
    };
    // What came while nobody had the channel yet.
    for (let chunk: Buffer | null; (chunk = channel.read()) !== null;) this.#put(chunk);
  }

  /** Whether the host may go on sending. */
  #put(chunk: Buffer): boolean {
    // What comes after `close` is thrown away.
    if (this.#closing) return true;
    this.#inbox.put(chunk);
    this.#isFull = this.#inbox.bytes >= MAX_UNREAD;
    return !this.#isFull;
  }

  /** Lets ssh2 know that there is room again. */
  #grant(): void {
    this.#isFull = false;
    this.#channel._read(0);
  }

  #stop(): void {
    this.#inbox.end(this.#connection.lost);
    this.#wakeWriter?.();
  }

  read(): Promise<Uint8Array | null> {
    return this.#closing ? Promise.reject(closedError()) : this.#inbox.take();
  }

  write(chunk: Uint8Array): Promise<void> {
    const problem = this.#notWritable();
    if (problem !== undefined) return Promise.reject(problem);
    if (chunk.length === 0) return DONE;
    let taken = false;
    this.#channel._write(asBuffer(chunk), "binary", () => {
      taken = true;
      this.#wakeWriter?.();
    });
    if (!taken) return this.#windowOpened(() => taken);
    return this.#connection.drained() ?? DONE;
  }

  /** Waits until all of a chunk has left within the host's window: at most 2 MiB are under way. */
  async #windowOpened(isTaken: () => boolean): Promise<void> {
    await new Promise<void>((resolve) => this.#wakeWriter = resolve);
    this.#wakeWriter = undefined;
    const problem = isTaken() ? undefined : this.#notWritable();
    if (problem !== undefined) throw problem;
    await this.#connection.drained();
  }

  #notWritable(): Error | undefined {
    if (this.#connection.lost !== undefined) return this.#connection.lost;
    const isOpen = !this.#closing && !this.#freed && !this.#writeEnded && this.#channel.writable;
    return isOpen ? undefined : closedError();
  }

  closeWrite(): Promise<void> {
    if (!this.#writeEnded && !this.#closing && !this.#freed) {
      this.#writeEnded = true;
      // At the server's end, ssh2 takes `end` to end the other direction as well.
      if (isServerChannel(this.#channel)) this.#channel.eof();
      else this.#channel.end();
    }
    return DONE;
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#channel.close();
    this.#inbox.clear();
    // An error, made with its stack, costs more than the rest of this; later reads make their own.
    if (this.#inbox.isAwaited) this.#inbox.end(this.#connection.lost ?? closedError());
    if (this.#isFull) this.#grant();
    this.#wakeWriter?.();
  }
}

/**
 * ssh2 ends a channel once more when it has ended in order. Node makes an error of that, for nobody,
 * whose stack takes as long to write down as all else that a short connection does.
 */
function endOnce(
  channel: { readonly writableEnded: boolean; close(): void; destroy(): unknown },
): void {
  const destroy = channel.destroy.bind(channel);
  channel.destroy = () => {
    if (!channel.writableEnded) return destroy();
    channel.close();
    return channel;
  };
}

function isServerChannel(channel: ClientChannel | ServerChannel): channel is ServerChannel {
  return channel.server;
}

function closedError(): Error {
  return new Deno.errors.BrokenPipe("The channel is closed");
}
