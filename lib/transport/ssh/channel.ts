/**
 * A Duplex over one ssh2 channel. A channel is not quite a Node stream: it reports a lost
 * connection as an ordinary end, forgets the callback of a write that the host will never take, and
 * is freed only when it has been read to its end. This adapter puts those right and owns the
 * channel.
 */
import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ClientChannel, ServerChannel } from "ssh2";
import type { Duplex } from "../../net/duplex.ts";

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
  readonly #channel: ClientChannel | ServerChannel;
  readonly #connection: ChannelCarrier;
  readonly #onRead: (bytes: number) => void;
  #ended = false;
  #freed = false;
  #closing = false;
  #writeEnded = false;
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  constructor(
    channel: ClientChannel | ServerChannel,
    connection: ChannelCarrier,
    onRead: (bytes: number) => void,
  ) {
    this.#channel = channel;
    this.#connection = connection;
    this.#onRead = onRead;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    channel.on("readable", () => this.#onReadable());
    channel.on("end", () => {
      this.#ended = true;
      this.#wakeReader?.();
    });
    // ssh2 never emits an error on a channel; if it did, `close` would follow.
    channel.on("error", () => this.#wake());
    const forget = connection.onLost(() => this.#wake());
    channel.on("close", () => {
      this.#freed = true;
      forget();
      this.#wake();
      resolve();
    });
  }

  #onReadable(): void {
    // What comes after `close` is thrown away, up to the end that frees the channel.
    if (this.#closing) { while (this.#channel.read() !== null); }
    else this.#wakeReader?.();
  }

  #wake(): void {
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      if (this.#closing) throw closedError();
      const chunk: Buffer | null = this.#channel.read();
      if (chunk !== null) {
        this.#onRead(chunk.length);
        return chunk;
      }
      if (this.#connection.lost !== undefined) throw this.#connection.lost;
      if (this.#ended || this.#freed) return null;
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
      this.#wakeReader = undefined;
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#throwIfNotWritable();
    if (chunk.length === 0) return;
    let taken = false;
    const settled = new Promise<void>((resolve) => {
      this.#wakeWriter = resolve;
      // Called when all of it has left within the host's window: at most 2 MiB are under way.
      this.#channel.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength), () => {
        taken = true;
        resolve();
      });
    });
    await settled;
    this.#wakeWriter = undefined;
    if (!taken) this.#throwIfNotWritable();
    await this.#connection.drained();
  }

  #throwIfNotWritable(): void {
    if (this.#connection.lost !== undefined) throw this.#connection.lost;
    if (this.#closing || this.#freed || this.#writeEnded) throw closedError();
    if (!this.#channel.writable) throw closedError();
  }

  closeWrite(): Promise<void> {
    if (!this.#writeEnded && !this.#closing && !this.#freed) {
      this.#writeEnded = true;
      // At the server's end, ssh2 takes `end` to end the other direction as well.
      if (isServerChannel(this.#channel)) this.#channel.eof();
      else this.#channel.end();
    }
    return Promise.resolve();
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#channel.close();
    this.#onReadable();
    this.#wake();
  }
}

function isServerChannel(channel: ClientChannel | ServerChannel): channel is ServerChannel {
  return channel.server;
}

function closedError(): Error {
  return new Deno.errors.BrokenPipe("The channel is closed");
}
