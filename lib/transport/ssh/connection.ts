/**
 * One authenticated SSH connection. It owns its ssh2 client and the stream beneath it, knows when
 * and why it died, and from then on fails everything that was opened on it.
 */
// @ts-types="@types/ssh2"
import type { Client, ClientChannel } from "ssh2";
import { AgentError, errorCode, messageOf } from "../../errors.ts";
import { drained } from "../../net/drain.ts";
import type { SshSocket } from "./socket.ts";

/** Who is at the other end. */
export interface Peer {
  /** For people: `dev@host`. */
  name: string;
  /** The host key in SSH wire format, base64. */
  hostKey: string;
}

/** Calls one of ssh2's methods that open a channel. */
export type OpenChannel = (
  client: Client,
  done: (error: Error | undefined, channel: ClientChannel) => void,
) => void;

/** See the file comment. */
export class Connection {
  /** Settles, never rejecting, with the reason, or with nothing after {@link close}. */
  readonly closed: Promise<AgentError | undefined>;
  readonly peer: Peer;
  readonly #client: Client;
  readonly #stream: SshSocket;
  #lost: AgentError | undefined;
  #closing = false;
  #isOpen = true;
  readonly #lostListeners = new Set<() => void>();

  /** Takes over a client that is ready, and the stream it runs on. */
  constructor(peer: Peer, client: Client, stream: SshSocket) {
    this.peer = peer;
    this.#client = client;
    this.#stream = stream;
    const { promise, resolve } = Promise.withResolvers<AgentError | undefined>();
    this.closed = promise;
    let cause: Error | undefined;
    client.on("error", (error: Error) => cause ??= error);
    const isLost = () =>
      this.#lost ??= lostError(peer.name, this.#closing ? "it was closed" : reasonOf(cause), cause);
    // Before ssh2 hears of it and ends the channels, which then know that it is no ordinary end.
    stream.prependListener("close", isLost);
    client.once("close", () => {
      this.#isOpen = false;
      isLost();
      resolve(this.#closing ? undefined : this.#lost);
      for (const listener of [...this.#lostListeners]) listener();
    });
  }

  /** Whether channels can be opened. */
  get isOpen(): boolean {
    return this.#isOpen && !this.#closing;
  }

  /** Why nothing can be read or written any more; `undefined` while the connection lives. */
  get lost(): AgentError | undefined {
    return this.#lost;
  }

  /** Calls `listener` when the connection is gone, until the returned function is called. */
  onLost(listener: () => void): () => void {
    this.#lostListeners.add(listener);
    return () => this.#lostListeners.delete(listener);
  }

  /** Resolves once the stream beneath has room, so that queues stay in the channels' windows. */
  drained(): Promise<void> | undefined {
    return this.#isOpen ? drained(this.#stream) : undefined;
  }

  /**
   * Opens a channel with one of ssh2's methods. Rejects with ssh2's error if the host refuses, with
   * an `AgentError` of kind `lost` if the connection is gone, or with the reason of `signal`; a
   * channel that comes after an abort is closed.
   */
  async channel(open: OpenChannel, signal?: AbortSignal): Promise<ClientChannel> {
    signal?.throwIfAborted();
    if (!this.isOpen) throw this.#lost ?? lostError(this.peer.name, "it was closed", undefined);
    const { promise, resolve, reject } = Promise.withResolvers<ClientChannel>();
    let abandoned = false;
    const onAbort = () => {
      abandoned = true;
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      this.#request(open, (error, channel) => {
        if (error) reject(error);
        else if (abandoned) channel.close();
        else resolve(channel);
      });
      return await promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** ssh2 throws when the stream beneath has ended, and reports a loss as a refusal. */
  #request(open: OpenChannel, done: Parameters<OpenChannel>[1]): void {
    const lost = (cause: Error) => this.#lost ?? lostError(this.peer.name, reasonOf(cause), cause);
    try {
      open(this.#client, (error, channel) => {
        done(error && !this.isOpen ? lost(error) : error, channel);
      });
    } catch (error) {
      throw lost(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Calls `use` with the ssh2 client, for what needs more than a channel. Throws when it is gone. */
  withClient<T>(use: (client: Client) => T): T {
    if (!this.isOpen) throw this.#lost ?? lostError(this.peer.name, "it was closed", undefined);
    return use(this.#client);
  }

  /** The connection is found to be dead. */
  lose(why: string): void {
    this.#lost ??= lostError(this.peer.name, why, undefined);
    this.#stream.destroy();
  }

  /** Ends the connection and everything on it. Idempotent. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#client.end();
    // `end` waits for the peer to close as well, which a cut link never does.
    this.#stream.destroy();
  }
}

const CAUSES: Readonly<Record<string, string>> = {
  "Keepalive timeout": "the remote host does not answer",
  ECONNRESET: "the connection was reset",
  ETIMEDOUT: "the network timed out",
  EPIPE: "the connection was reset",
};

function reasonOf(cause: Error | undefined): string {
  if (cause === undefined) return "the remote host closed it";
  return CAUSES[errorCode(cause) || cause.message] ?? messageOf(cause);
}

function lostError(name: string, why: string, cause: Error | undefined): AgentError {
  return new AgentError("lost", `Lost the SSH connection to ${name}: ${why}`, { cause });
}
