/**
 * The idle connections to the engine, reused across clients. A few are kept open and warm, so that
 * a new client pays no round trip for opening one. The pool owns idle connections; one that is
 * acquired belongs to its user until it is released.
 *
 * An idle connection that ends is the engine's own word that it stopped or restarted; what was
 * learned from it before (`generation`) is out of date then. Where connections may also be dropped by
 * something on the way, one that was idle for a while is asked for a sign of life before it carries a
 * request: a request that is lost with it may not be sent again.
 */
import { describeError } from "../errors.ts";
import { type Logger, logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import type { Lane } from "../transport/transport.ts";
import { Upstream } from "./upstream.ts";

/** After a burst this many stay for a while, as a multiple of the warm ones. */
const BURST_FACTOR = 4;
/** How long connections beyond the warm ones stay open. */
const TRIM_MS = 30_000;
/**
 * Idle times from which on a connection is doubted: below the patience of the usual proxies (5 s and
 * more) for a request that may not be repeated, and of what drops connections without a word for others.
 */
const DOUBT_MS = { once: 4_000, again: 25_000 };
/** How long a doubted connection may take to answer; to dial another one takes no longer. */
const SIGN_OF_LIFE_MS = 3_000;

/** What a connection is wanted for. */
export interface Errand {
  readonly signal?: AbortSignal;
  /** The request may be sent once more if it is lost. Default: yes. */
  readonly repeatable?: boolean;
  /** The value of `Host`. */
  readonly host?: string;
}

/** What a pool is made of. */
export interface UpstreamPoolOptions {
  /** Opens a stream to the engine, waiting for the transport where needed. */
  open(lane: Lane, signal?: AbortSignal): Promise<Duplex>;
  /** How many idle connections are kept; 0 opens each on demand. */
  warm: number;
  /** Whether something on the way may drop idle connections. Default: no. */
  mayDrop?(): boolean;
  /** Milliseconds that only grow. Default: those of `performance`. */
  now?: () => number;
  /** How many stay for a while after a burst. Default: four times the warm ones. */
  keep?: number;
  log?: Logger;
}

/** See the file comment. */
export class UpstreamPool {
  readonly #options: UpstreamPoolOptions;
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #idle: Upstream[] = [];
  #opening = 0;
  #generation = 0;
  #trimTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: UpstreamPoolOptions) {
    this.#options = options;
    this.#log = options.log ?? logger("pool");
    this.#now = options.now ?? (() => performance.now());
  }

  /** Changes whenever the engine may have been another one since. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether an open, idle connection proves that the engine is there. */
  get live(): boolean {
    return this.#idle.length > 0;
  }

  /**
   * A connection of this lane. Bulk ones are always new and never come back: what they carry takes
   * far longer than opening them.
   */
  async acquire(lane: Lane, errand: Errand = {}): Promise<Upstream> {
    const { signal, host = "docker" } = errand;
    if (lane === "bulk") return new Upstream(await this.#options.open(lane, signal), lane);
    let idle = this.#idle.pop();
    if (idle !== undefined && this.#isDoubted(idle, errand)) {
      if (!await idle.isAlive(host, SIGN_OF_LIFE_MS)) idle = this.#dropAll(idle);
    }
    // The user's own stream is opened before the spare ones.
    const opening = idle === undefined ? this.#options.open(lane, signal) : undefined;
    this.fill();
    return idle ?? new Upstream(await opening!, lane);
  }

  #isDoubted(idle: Upstream, { repeatable = true }: Errand): boolean {
    if (this.#options.mayDrop?.() !== true) return false;
    return this.#now() - idle.idleSince > DOUBT_MS[repeatable ? "again" : "once"];
  }

  /** Those that have been idle for longer are no better. */
  #dropAll(dead: Upstream): undefined {
    this.#generation++;
    for (const upstream of [dead, ...this.#idle.splice(0)]) upstream.close();
    return undefined;
  }

  /** Takes a connection back whose exchange is complete on both sides. */
  release(upstream: Upstream): void {
    const { warm, keep: limit = warm * BURST_FACTOR } = this.#options;
    const usable = upstream.lane === "interactive" && upstream.reusable;
    if (this.#closed || !usable || this.#idle.length >= limit) return upstream.close();
    upstream.idleSince = this.#now();
    this.#idle.push(upstream);
    void this.#watch(upstream);
    if (this.#idle.length > warm) {
      this.#trimTimer ??= setTimeout(() => this.#trim(), TRIM_MS);
    }
  }

  /** Opens connections in the background until as many are warm as should be. */
  fill(): void {
    while (!this.#closed && this.#idle.length + this.#opening < this.#options.warm) {
      this.#opening++;
      void this.#openIdle();
    }
  }

  async #openIdle(): Promise<void> {
    try {
      const duplex = await this.#options.open("interactive");
      this.release(new Upstream(duplex, "interactive"));
    } catch (error) {
      // The request that needs a connection will report the same; a spare one is only missed.
      this.#log.debug(`No spare connection to the engine: ${describeError(error)}`);
    } finally {
      this.#opening--;
    }
  }

  async #watch(upstream: Upstream): Promise<void> {
    await upstream.whenStale();
    const at = this.#idle.indexOf(upstream);
    // In use: its user reads what comes next.
    if (at < 0) return;
    this.#idle.splice(at, 1);
    this.#generation++;
    upstream.close();
  }

  #trim(): void {
    this.#trimTimer = undefined;
    const surplus = Math.max(0, this.#idle.length - this.#options.warm);
    for (const upstream of this.#idle.splice(0, surplus)) upstream.close();
  }

  /** Closes all idle connections, and from now on those that are released. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#trimTimer);
    for (const upstream of this.#idle.splice(0)) upstream.close();
  }
}
