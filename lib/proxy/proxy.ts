/**
 * The proxy: serves the clients of all listeners of one remote host. It owns the client connections
 * and the pool of connections to the engine; listeners and the supervisor belong to its maker.
 */
import { describeError, isClosedError, messageOf } from "../errors.ts";
import { askPings } from "../docker/client.ts";
import type { Interceptor } from "../docker/exchange.ts";
import type { Route } from "../docker/route.ts";
import type { RequestHead } from "../http/head.ts";
import { inContext, type Logger, logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import { memoryPair } from "../net/memory.ts";
import { pipe } from "../net/pipe.ts";
import type { Lane } from "../transport/transport.ts";
import { Admission } from "./admission.ts";
import { ClientStream } from "./client_stream.ts";
import { ClientConnection } from "./connection.ts";
import { type ClientLimits, UNLIMITED } from "./limits.ts";
import { NO_OBSERVER, type ProxyObserver } from "./observer.ts";
import { pingCache } from "./ping_cache.ts";
import type { Refusal } from "./refusal.ts";
import { UpstreamPool } from "./upstream_pool.ts";

/** What a proxy is made of. */
export interface ProxyOptions {
  /** `http` understands the Engine API; `raw` relays bytes and nothing else. */
  mode: "http" | "raw";
  /** Opens a stream to the engine, waiting for the transport where needed. */
  open(lane: Lane, signal?: AbortSignal): Promise<Duplex>;
  /** How many connections to the engine are kept open and idle. */
  warm: number;
  /** Whether something on the way to the engine may drop idle connections. Default: no. */
  mayDrop?(): boolean;
  /** Around every operation, outermost first. */
  interceptors: readonly Interceptor[];
  /** Default: none. */
  limits?: ClientLimits;
  observer?: ProxyObserver;
  log?: Logger;
}

/** What is known of one client. */
export interface Client {
  remote: string;
  /** Who shares the places with the others as one; see `admission.ts`. Default: `remote`. */
  identity?: string;
  /** Judges each request by its head, such as by `Host` and `Origin`. */
  guard?(head: RequestHead): Refusal | undefined;
}

/** Something that serves one client and can be asked to end. */
interface Serving {
  drain(): void;
  dismiss(): void;
  done: Promise<void>;
}

/** What a client has that is to be told that there is no place for it. */
const TURNED_AWAY: ClientLimits = { ...UNLIMITED, idleMs: 1000, readMs: 1000, writeMs: 1000 };

const PING = new Set(["SystemPing", "SystemPingHead"]);

/** See the file comment. */
export class Proxy {
  readonly #options: ProxyOptions;
  readonly #log: Logger;
  readonly #pool: UpstreamPool;
  readonly #pingCache: Interceptor;
  readonly #serving = new Set<Serving>();
  readonly #limits: ClientLimits;
  readonly #observer: ProxyObserver;
  readonly #admission: Admission;
  #connections = 0;
  #draining = false;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#log = options.log ?? logger("proxy");
    const warm = options.mode === "http" ? options.warm : 0;
    const { open, mayDrop } = options;
    this.#pool = new UpstreamPool({ open, warm, ...(mayDrop && { mayDrop }) });
    this.#pingCache = pingCache(this.#pool);
    this.#limits = options.limits ?? UNLIMITED;
    this.#observer = options.observer ?? NO_OBSERVER;
    this.#admission = new Admission({
      max: this.#limits.maxConnections,
      waitMs: this.#limits.queueMs,
      onWait: () => this.#observer.limited("connection_waited"),
    });
  }

  /**
   * Opens spare connections to the engine in the background and learns its `_ping`; to be called
   * whenever it has become reachable.
   */
  warmUp(): void {
    if (this.#options.mode === "raw" || this.#draining) return;
    const [asking, answering] = memoryPair();
    const log = this.#log.with({ conn: "warm-up" });
    const stream = new ClientStream(answering, UNLIMITED, NO_OBSERVER);
    void this.#run(this.#serveHttp(stream, { remote: "warm-up" }, log, NO_OBSERVER));
    void this.#ask(asking);
  }

  /** The proxy as a client of its own: what it is asked first by every docker command. */
  async #ask(client: Duplex): Promise<void> {
    try {
      await askPings(client);
    } catch (error) {
      this.#log.debug(`Cannot warm up: ${messageOf(error)}`);
    } finally {
      client.close();
    }
  }

  /** How many clients are connected. */
  get connections(): number {
    return this.#admission.active;
  }

  /** How many clients wait for their turn. */
  get waiting(): number {
    return this.#admission.waiting;
  }

  /** Serves one client, whose stream belongs to the proxy from here on; never rejects. */
  async serve(duplex: Duplex, client: Client): Promise<void> {
    if (this.#draining) return duplex.close();
    const id = (++this.#connections).toString(36);
    await inContext({ conn: id }, () => this.#admit(duplex, client, this.#log.with({ conn: id })));
  }

  async #admit(duplex: Duplex, client: Client, log: Logger): Promise<void> {
    const entering = this.#admission.enter(client.identity ?? client.remote);
    const leave = entering instanceof Promise ? await entering : entering;
    if (leave === undefined) return await this.#turnAway(duplex, log);
    log.debug("A client has connected", { remote: client.remote });
    const since = performance.now();
    this.#observer.clientConnected();
    try {
      const stream = new ClientStream(duplex, this.#limits, this.#observer);
      await this.#run(
        this.#options.mode === "raw"
          ? this.#serveRaw(stream, log)
          : this.#serveHttp(stream, client, log, this.#observer),
      );
    } finally {
      leave();
      this.#observer.clientLeft(performance.now() - since);
    }
    log.debug("The client has left");
  }

  /** Answers with 503, in Docker's shape, a client that has waited for its turn in vain. */
  async #turnAway(duplex: Duplex, log: Logger): Promise<void> {
    if (this.#draining) return duplex.close();
    this.#observer.limited("connection_refused");
    const message = `All ${this.#limits.maxConnections} connections are in use (--max-connections)`;
    log.warn("Refused a client", { reason: message });
    if (this.#options.mode === "raw") return duplex.close();
    const stream = new ClientStream(duplex, TURNED_AWAY, NO_OBSERVER);
    const guard = () => ({ status: 503, message });
    await this.#run(this.#serveHttp(stream, { remote: "", guard }, log, NO_OBSERVER));
  }

  async #run(serving: Serving): Promise<void> {
    this.#serving.add(serving);
    await serving.done;
    this.#serving.delete(serving);
  }

  #serveHttp(
    stream: ClientStream,
    client: Client,
    log: Logger,
    observer: ProxyObserver,
  ): Serving {
    const connection = new ClientConnection(stream, {
      poolFor: () => this.#pool,
      interceptors: (route) => this.#interceptorsOf(route),
      guard: (head) => client.guard?.(head),
      openRaw: () => this.#options.open("interactive"),
      observer,
      log,
    });
    return {
      drain: () => connection.drain(),
      dismiss: () => connection.dismiss(),
      done: connection.serve(),
    };
  }

  #interceptorsOf(route: Route | undefined): readonly Interceptor[] {
    const { interceptors } = this.#options;
    return route !== undefined && PING.has(route.name)
      ? [...interceptors, this.#pingCache]
      : interceptors;
  }

  #serveRaw(client: Duplex, log: Logger): Serving {
    const gone = new AbortController();
    return {
      drain: () => {},
      dismiss: () => gone.abort(),
      done: this.#relay(client, gone.signal, log),
    };
  }

  async #relay(client: Duplex, signal: AbortSignal, log: Logger): Promise<void> {
    try {
      const engine = await this.#options.open("interactive", signal);
      const result = await pipe(client, engine, { signal });
      log.debug("Relayed", { sent: result.sent, received: result.received });
    } catch (error) {
      client.close();
      if (!isClosedError(error)) this.#observer.failed("connection", messageOf(error));
      if (!isClosedError(error)) log.warn(`Cannot relay a client: ${describeError(error)}`);
    }
  }

  /**
   * Ends: idle clients at once, others after the exchange under way, all of them after `timeoutMs`
   * or when `signal` aborts. Settles when no client is left.
   */
  async shutdown(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    this.#draining = true;
    this.#admission.close();
    const closeAll = () => {
      for (const each of this.#serving) each.dismiss();
    };
    for (const each of this.#serving) each.drain();
    const timer = setTimeout(closeAll, timeoutMs);
    signal?.addEventListener("abort", closeAll, { once: true });
    await Promise.all([...this.#serving].map(({ done }) => done));
    clearTimeout(timer);
    signal?.removeEventListener("abort", closeAll);
    this.#pool.close();
  }
}
