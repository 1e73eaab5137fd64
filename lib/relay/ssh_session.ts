/**
 * One client of the SSH server, from its first bytes to its last: signing in, and the connections it
 * opens through the allowed doors. Sessions (shell, exec, sftp, agent, X11) and remote listeners have
 * no handler here, and ssh2 refuses what has none. Owns the socket.
 */
import type { Socket } from "node:net";
// @ts-types="@types/ssh2"
import type { AuthContext, Connection, ServerChannel } from "ssh2";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { drained } from "../net/drain.ts";
import type { Duplex } from "../net/duplex.ts";
import { pipe } from "../net/pipe.ts";
import { type ChannelCarrier, channelDuplex } from "../transport/ssh/channel.ts";
import type { AuthorizedKey } from "./authorized_keys.ts";
import { describeDoor, type Door, doorProblem, type Doors, openDoor } from "./doors.ts";
import { findKey, type KeySource, provesKey, readAuthorizedKeys } from "./sign_in.ts";
import { boundPauses, type Pauses } from "./pauses.ts";
import type { RelayStats } from "./stats.ts";

/** As `MaxAuthTries` of sshd. */
const MAX_REFUSALS = 6;

/** What all sessions of a server share. */
export interface SessionOptions {
  readonly keys: KeySource;
  readonly doors: Doors;
  /** Bound on forwarded connections of all clients together. */
  readonly maxConnections: number;
  /** Bound on reaching a socket. */
  readonly connectTimeoutMs: number;
  /** The most that is read from a socket at once, in bytes. */
  readonly maxRead?: number;
  readonly pauses?: Pauses;
  readonly stats: RelayStats;
}

/** What `openssh.streamlocal` hands over; the type package does not describe it. */
interface StreamLocalInfo {
  readonly socketPath: string;
}

type Accept = () => ServerChannel;

/** Serves one client. `onSignedIn` is called once it has proved who it is. */
export function serveSession(
  connection: Connection,
  socket: Socket,
  options: SessionOptions,
  log: Logger,
  onSignedIn: () => void,
): void {
  new Session(connection, socket, options, log).start(onSignedIn);
}

class Session {
  readonly #connection: Connection;
  readonly #socket: Socket;
  readonly #options: SessionOptions;
  readonly #log: Logger;
  readonly #carrier: SocketCarrier;
  readonly #gone = new AbortController();
  #key: AuthorizedKey | undefined;
  #refusals = 0;

  constructor(connection: Connection, socket: Socket, options: SessionOptions, log: Logger) {
    this.#connection = connection;
    this.#socket = socket;
    this.#options = options;
    this.#log = log;
    this.#carrier = new SocketCarrier(socket);
  }

  start(onSignedIn: () => void): void {
    const connection = this.#connection;
    connection.on("error", (error: Error) => {
      this.#options.stats.failed("connection", error);
      this.#log.debug("The connection of a client failed", { error: messageOf(error) });
      this.#socket.destroy();
    });
    connection.on("close", () => {
      this.#gone.abort();
      if (this.#key !== undefined) this.#log.info("A client has left");
    });
    connection.on("authentication", (context) => void this.#authenticate(context));
    connection.on("ready", () => {
      this.#log.info("A client has signed in", { key: this.#key?.comment ?? "" });
      onSignedIn();
    });
    connection.on("tcpip", (accept, reject, { destIP, destPort }) => {
      void this.#forward({ kind: "tcp", host: destIP, port: destPort }, accept, reject);
    });
    const streamLocal = (accept: Accept, reject: () => void, { socketPath }: StreamLocalInfo) =>
      void this.#forward({ kind: "unix", path: socketPath }, accept, reject);
    // An event ssh2 has and its type package has not; its shape is that of "tcpip".
    connection.on("openssh.streamlocal" as "tcpip", streamLocal as never);
  }

  async #authenticate(context: AuthContext): Promise<void> {
    if (context.method !== "publickey") return this.#refuse(context, context.method !== "none");
    const address = this.#socket.remoteAddress ?? "";
    const keys = await readAuthorizedKeys(this.#options.keys, this.#log);
    const key = findKey(keys, { blob: context.key.data, address, now: Date.now() });
    if (key === undefined) return this.#refuse(context, true);
    // The client asks first whether it is worth its while to sign (RFC 4252, section 7).
    if (context.signature !== undefined) {
      if (!provesKey(context, key)) return this.#refuse(context, true);
      this.#key = key;
    }
    context.accept();
  }

  #refuse(context: AuthContext, counts: boolean): void {
    if (counts) this.#refusals++;
    if (this.#refusals < MAX_REFUSALS) return context.reject(["publickey"]);
    this.#options.stats.failed("connection", new Error("A client could not sign in"));
    this.#log.warn("A client could not sign in", { refusals: this.#refusals });
    this.#connection.end();
    this.#socket.destroySoon();
  }

  async #forward(door: Door, accept: Accept, reject: () => void): Promise<void> {
    const { doors, stats, maxConnections } = this.#options;
    const log = this.#log.with({ to: describeDoor(door) });
    const problem = this.#key === undefined ? "not signed in" : doorProblem(door, doors, this.#key);
    if (problem !== undefined || stats.active >= maxConnections) {
      log.warn("Refused a connection", { why: problem ?? "too many connections" });
      stats.failed("connection", new Error(problem ?? "Too many connections"));
      return reject();
    }
    const counted = stats.begin();
    let bytes = { read: 0, written: 0 };
    try {
      const inner = await this.#open(door);
      const outer = boundPauses(
        channelDuplex(accept(), this.#carrier),
        this.#options.pauses ?? {},
        (why) => {
          log.warn("Closed a connection", { why });
          stats.failed("connection", new Error(`A connection was closed: ${why}`));
        },
      );
      log.debug("Relaying");
      const result = await pipe(outer, inner, { signal: this.#gone.signal });
      bytes = { read: result.sent, written: result.received };
      log.debug("Relayed", bytes);
    } catch (error) {
      stats.failed("socket", error);
      log.warn("Cannot reach a socket", { error: messageOf(error) });
      reject();
    } finally {
      counted.end(bytes);
    }
  }

  async #open(door: Door): Promise<Duplex> {
    const { connectTimeoutMs, maxRead } = this.#options;
    const late = AbortSignal.timeout(connectTimeoutMs);
    const inner = await openDoor(door, maxRead, AbortSignal.any([late, this.#gone.signal]));
    if (!this.#gone.signal.aborted) return inner;
    inner.close();
    throw new Error("The client has left");
  }
}

/** The socket beneath a connection, as its channels see it. */
class SocketCarrier implements ChannelCarrier {
  readonly #socket: Socket;
  readonly #lostListeners = new Set<() => void>();
  #lost: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.once("close", () => {
      this.#lost = new Deno.errors.ConnectionReset("The client is gone");
      for (const listener of [...this.#lostListeners]) listener();
    });
  }

  onLost(listener: () => void): () => void {
    this.#lostListeners.add(listener);
    return () => this.#lostListeners.delete(listener);
  }

  get lost(): Error | undefined {
    return this.#lost;
  }

  drained(): Promise<void> | undefined {
    return this.#lost === undefined ? drained(this.#socket) : undefined;
  }
}
