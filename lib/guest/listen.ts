/**
 * `listen/…`: ports of this machine that lead to a client. Its control stream gets a ticket for each
 * connection; whoever shows one gets the connection as a stream. The handlers of one guest share the
 * tickets; a connection belongs to them until it is fetched, and a listener ends with its control
 * stream.
 */
import { errorCode, messageOf } from "../errors.ts";
import { listenTcp } from "../listen/tcp.ts";
import type { Listener } from "../listen/listener.ts";
import { type Logger, logger } from "../log.ts";
import { formatHostPort } from "../net/address.ts";
import type { Duplex } from "../net/duplex.ts";
import { ADDRESS_FIELD, LISTEN_PREFIX, TICKET_FIELD } from "../transport/guest/listen.ts";
import { ControlStream } from "./control_stream.ts";
import type { Exchange, Handler } from "./exchange.ts";
import { type GuestLimits, Places } from "./limits.ts";
import { isListenAllowed, type ListenTarget, parseListenTarget } from "./listen_target.ts";
import { pipeWhileUsed } from "./pipe_while_used.ts";
import { refuse } from "./reply.ts";
import { askedToUpgrade } from "./tunnel.ts";

/** What listeners need. */
export interface ListeningOptions {
  readonly limits: GuestLimits;
  /** See {@link isListenAllowed}. */
  readonly allowed: readonly string[];
  readonly log?: Logger;
}

/** A connection that nobody has fetched yet. */
interface Waiting {
  readonly stream: Duplex;
  readonly leave: () => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

const TICKET_BYTES = 32;

/** See the file comment. */
export class Listening {
  readonly #options: ListeningOptions;
  readonly #log: Logger;
  readonly #listeners: Places;
  readonly #connections: Places;
  readonly #waiting = new Map<string, Waiting>();
  readonly #draining = new AbortController();

  constructor(options: ListeningOptions) {
    const { maxListeners, maxTunnels } = options.limits;
    this.#options = options;
    this.#log = options.log ?? logger("guest");
    this.#listeners = new Places(maxListeners, "places for listeners");
    this.#connections = new Places(maxTunnels, "places for accepted connections");
  }

  /** Gives all ports back; connections that were fetched live on. */
  drain(): void {
    this.#draining.abort();
  }

  /** Answers `listen/tcp:ADDRESS:PORT`; the stream is the control stream. */
  readonly listen: Handler = async (exchange) => {
    const target = parseListenTarget(pathOf(exchange).slice(LISTEN_PREFIX.length));
    const where = formatHostPort(target.host, target.port);
    askedToUpgrade(exchange);
    if (!isListenAllowed(target, this.#options.allowed, Deno.networkInterfaces())) {
      throw refuse(403, `listening on ${where} is not allowed`);
    }
    const leave = this.#listeners.take();
    if (leave === undefined) throw refuse(503, this.#listeners.refusal);
    try {
      const listener = bind(target, this.#log);
      try {
        await this.#announce(listener, exchange);
      } finally {
        await listener.close();
      }
    } finally {
      leave();
    }
    return undefined;
  };

  /** Answers `listen/accept`; the stream is the connection. */
  readonly accept: Handler = async (exchange) => {
    askedToUpgrade(exchange);
    const waiting = this.#take(exchange.head.headers.get(TICKET_FIELD) ?? "");
    if (waiting === undefined) throw refuse(404, "no connection waits for this ticket");
    const { stream, leave } = waiting;
    try {
      await pipeWhileUsed(await exchange.upgrade(), stream, exchange);
    } finally {
      stream.close();
      leave();
    }
    return undefined;
  };

  /** Settles when the client, or the guest, has ended the listener. */
  async #announce(listener: Listener, exchange: Exchange): Promise<void> {
    const { limits } = this.#options;
    const { address } = listener;
    const bound = address.kind === "tcp" ? formatHostPort(address.host, address.port) : "";
    const control = new ControlStream(await exchange.upgrade([[ADDRESS_FIELD, bound]]), limits);
    const tickets = new Set<string>();
    let accepted = 0;
    listener.serve((stream, { remote: from }) => {
      for (const ticket of tickets) if (!this.#waiting.has(ticket)) tickets.delete(ticket);
      const ticket = tickets.size < limits.maxWaiting ? this.#keep(stream) : undefined;
      if (ticket === undefined) return stream.close();
      tickets.add(ticket);
      accepted++;
      control.tell({ ticket, from });
    });
    await control.ended(AbortSignal.any([exchange.stopped, this.#draining.signal]));
    exchange.note({ listen: bound, accepted });
    await listener.close();
    for (const ticket of tickets) this.#drop(ticket);
    await control.close();
  }

  /** The ticket of a connection that now waits; nothing if there is no place for it. */
  #keep(stream: Duplex): string | undefined {
    const leave = this.#connections.take();
    if (leave === undefined) {
      this.#log.debug("Dropped a connection", { reason: this.#connections.refusal });
      return undefined;
    }
    const ticket = crypto.getRandomValues(new Uint8Array(TICKET_BYTES)).toHex();
    const timer = setTimeout(() => this.#drop(ticket), this.#options.limits.connectMs);
    this.#waiting.set(ticket, { stream, leave, timer });
    return ticket;
  }

  #take(ticket: string): Waiting | undefined {
    const waiting = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    clearTimeout(waiting?.timer);
    return waiting;
  }

  #drop(ticket: string): void {
    const waiting = this.#take(ticket);
    waiting?.stream.close();
    waiting?.leave();
  }
}

function pathOf({ head }: Exchange): string {
  return head.target.split("?", 1)[0] ?? "";
}

/** Throws `ReplyError` with Go's words for what the system refuses. */
function bind({ host, port }: ListenTarget, log: Logger): Listener {
  try {
    return listenTcp({ kind: "tcp", host, port }, log);
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const code = errorCode(cause);
    const why = REASONS[code] ?? messageOf(cause);
    const text = `listen tcp ${formatHostPort(host, port)}: bind: ${why}`;
    throw refuse(code === "EACCES" ? 403 : 409, text, error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EACCES: "permission denied",
};
