/**
 * The supervisor owns the transport of one remote host: it connects, watches for the death notice
 * and reconnects with exponential backoff and full jitter. It alone does so; everybody else asks it
 * for the live transport and waits a bounded time when there is none.
 *
 * The backoff starts anew only after a connection has stayed up for a while, so that a host which
 * accepts and drops at once is not hammered. A request that arrives during a pause ends the pause: a
 * user who has just opened the laptop does not wait for a timer. A changed host key is never retried.
 * A supervisor that is to connect on demand is idle until somebody asks it for the transport.
 */
import { AgentError, describeError } from "../errors.ts";
import { type Logger, logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import type { Connect, Lane, Target, Transport } from "./transport.ts";

/** Pauses between attempts, in milliseconds. */
export interface Backoff {
  /** Upper bound of the first pause; it doubles from attempt to attempt. */
  firstMs: number;
  /** Upper bound of every pause. */
  maxMs: number;
  /** How long a connection must have been up for the backoff to start anew. */
  stableMs: number;
  /** Least time between two attempts, however many requests wait. */
  leastMs: number;
}

const DEFAULT_BACKOFF: Backoff = { firstMs: 500, maxMs: 30_000, stableMs: 10_000, leastMs: 500 };

/** What the supervisor is doing, for messages and status. */
export type SupervisorState =
  | { kind: "idle" }
  | { kind: "connecting"; attempt: number }
  | { kind: "up"; transport: Transport }
  | { kind: "pausing"; attempt: number; lastError: unknown }
  | { kind: "closed" };

/** What a supervisor is made of; all but `connect` have defaults. */
export interface SupervisorOptions {
  connect: Connect;
  backoff?: Backoff;
  /** A number in [0, 1). */
  random?: () => number;
  log?: Logger;
}

/** How long, and until when, to wait for a live transport. */
export interface ReadyOptions {
  waitMs: number;
  signal?: AbortSignal;
}

/** Options of {@link Supervisor.open}. */
export interface SupervisedOpenOptions extends ReadyOptions {
  lane: Lane;
}

/** See the file comment. */
export class Supervisor {
  /** Settles with the error that no reconnect can mend (a changed host key). */
  readonly failed: Promise<Error>;
  readonly #options: Required<SupervisorOptions>;
  readonly #closing = new AbortController();
  #fail!: (error: Error) => void;
  #state: SupervisorState = { kind: "connecting", attempt: 1 };
  #changes = new Set<() => void>();
  #pauseTimer: { end: () => void; early: boolean } | undefined;
  #running: Promise<void> = Promise.resolve();
  #connectedBefore = false;
  /** Why there is no connection: the loss of the last one, then the last attempt that failed. */
  #lastCause: string | undefined;
  /** What went wrong is never tried again. */
  #isOver = false;

  constructor(options: SupervisorOptions) {
    this.#options = {
      backoff: DEFAULT_BACKOFF,
      random: Math.random,
      log: logger("transport"),
      ...options,
    };
    this.failed = new Promise((resolve) => this.#fail = resolve);
  }

  /** What it is doing now. */
  get state(): SupervisorState {
    return this.#state;
  }

  /** The transport, while there is one. */
  get live(): Transport | undefined {
    return this.#state.kind === "up" ? this.#state.transport : undefined;
  }

  /** Connects for the first time; throws what the attempt threw, and then nothing is left running. */
  async start(): Promise<Transport> {
    const transport = await this.#options.connect(this.#closing.signal);
    this.#connectedBefore = true;
    this.#set({ kind: "up", transport });
    this.#running = this.#run(transport);
    return transport;
  }

  /**
   * Connects in the background and keeps trying: at once, or when somebody asks for the transport for
   * the first time. In the place of {@link start}; never throws.
   */
  begin({ onDemand }: { onDemand: boolean }): void {
    if (onDemand) this.#set({ kind: "idle" });
    else this.#wake();
  }

  #wake(): void {
    this.#set({ kind: "connecting", attempt: 1 });
    this.#running = this.#reconnect(0).then((transport) => transport && this.#run(transport));
  }

  /** Calls `listener` after every change of state until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#changes.add(listener);
    return () => this.#changes.delete(listener);
  }

  /**
   * The live transport, at once when there is one, otherwise within `waitMs`. Throws `AgentError` of
   * kind `lost`, naming the last cause, when there is none by then.
   */
  async ready(options: ReadyOptions): Promise<Transport> {
    if (this.live !== undefined) return this.live;
    if (this.#state.kind === "idle") this.#wake();
    if (this.#isOver) throw this.#notReady();
    if (this.#pauseTimer?.early) this.#pauseTimer.end();
    const { promise, resolve, reject } = Promise.withResolvers<Transport>();
    const look = () => {
      if (this.live !== undefined) resolve(this.live);
      else if (this.#state.kind === "closed") reject(this.#notReady());
    };
    const giveUp = () => reject(this.#notReady());
    const forget = this.onChange(look);
    const timer = setTimeout(giveUp, options.waitMs);
    options.signal?.addEventListener("abort", giveUp);
    try {
      look();
      if (options.signal?.aborted) giveUp();
      return await promise;
    } finally {
      forget();
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", giveUp);
    }
  }

  /**
   * Opens a stream on the live transport, waiting for one as {@link ready} does; a transport that
   * dies under the attempt is waited for again, within the same `waitMs`. The caller owns the stream.
   */
  async open(target: Target, options: SupervisedOpenOptions): Promise<Duplex> {
    const { lane, signal } = options;
    const deadline = performance.now() + options.waitMs;
    for (;;) {
      const waitMs = Math.max(0, deadline - performance.now());
      const transport = await this.ready({ ...options, waitMs });
      try {
        const stream = await transport.open(target, { lane, ...(signal && { signal }) });
        this.#options.log.trace("Opened a stream", { ...target, lane });
        return stream;
      } catch (error) {
        const retry = error instanceof AgentError && error.kind === "lost" && !signal?.aborted;
        if (!retry) throw error;
        // That the transport went away under it says less than why there is none.
        if (performance.now() >= deadline) throw this.live === transport ? error : this.#notReady();
        await this.#left(transport, deadline - performance.now());
      }
    }
  }

  /** Waits until `transport` is no longer the live one, so that a dying one is not asked again. */
  async #left(transport: Transport, waitMs: number): Promise<void> {
    const isLive = () => this.live === transport;
    if (!isLive()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const forget = this.onChange(() => isLive() || resolve());
    const timer = setTimeout(resolve, waitMs);
    await promise.finally(() => {
      forget();
      clearTimeout(timer);
    });
  }

  /** Ends the transport and every attempt; settles when nothing is running any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.live?.close();
    this.#set({ kind: "closed" });
    this.#pauseTimer?.end();
    await this.#running;
  }

  async #run(first: Transport): Promise<void> {
    let transport: Transport | undefined = first;
    let attempt = 0;
    while (transport !== undefined && !this.#closing.signal.aborted) {
      const since = performance.now();
      const reason = await transport.closed;
      if (this.#closing.signal.aborted) return;
      if (performance.now() - since >= this.#options.backoff.stableMs) attempt = 0;
      this.#lastCause = reason === undefined ? "closed by the remote host" : describeError(reason);
      this.#options.log.warn(`Lost the connection to ${transport.description}`, {
        reason: this.#lastCause,
      });
      transport = await this.#reconnect(attempt);
      attempt += 1;
    }
  }

  /** Tries until it is connected; `undefined` when closed or failed for good. */
  async #reconnect(start: number): Promise<Transport | undefined> {
    for (let attempt = start; !this.#closing.signal.aborted; attempt++) {
      // The first attempt after a stable connection follows at once.
      if (attempt > 0) await this.#pause(attempt);
      if (this.#closing.signal.aborted) return undefined;
      this.#set({ kind: "connecting", attempt: attempt + 1 });
      try {
        const transport = await this.#options.connect(this.#closing.signal);
        if (this.#closing.signal.aborted) transport.close();
        else this.#set({ kind: "up", transport });
        const again = this.#connectedBefore ? " again" : "";
        this.#connectedBefore = true;
        this.#lastCause = undefined;
        this.#options.log.info(`Connected${again} to ${transport.description}`);
        return transport;
      } catch (error) {
        if (this.#closing.signal.aborted) return undefined;
        this.#lastCause = describeError(error);
        if (this.#isFinal(error)) return undefined;
        this.#options.log.warn(`Cannot connect: ${this.#lastCause}`, { attempt: attempt + 1 });
        this.#set({ kind: "pausing", attempt: attempt + 1, lastError: error });
      }
    }
    return undefined;
  }

  #isFinal(error: unknown): boolean {
    if (!(error instanceof AgentError) || error.kind !== "host-key") return false;
    this.#isOver = true;
    this.#set({ kind: "pausing", attempt: 1, lastError: error });
    this.#fail(error);
    return true;
  }

  /** Full jitter: anything from the least pause to the doubled bound. */
  async #pause(attempt: number): Promise<void> {
    const { firstMs, maxMs, leastMs } = this.#options.backoff;
    const bound = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 20));
    await this.#sleep(leastMs, false);
    await this.#sleep(Math.max(0, bound * this.#options.random() - leastMs), true);
  }

  /** Ends before its time on close and, if `early`, when a request asks for the transport. */
  #sleep(ms: number, early: boolean): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#pauseTimer = { end: resolve, early };
    return promise.finally(() => {
      clearTimeout(timer);
      this.#pauseTimer = undefined;
    });
  }

  #set(state: SupervisorState): void {
    this.#state = state;
    for (const listener of [...this.#changes]) listener();
  }

  #notReady(): AgentError {
    const state = this.#state;
    const cause = this.#lastCause;
    if (cause === undefined) return new AgentError("lost", "The remote host is not connected yet");
    const about = state.kind === "pausing" ? `attempt ${state.attempt} failed: ${cause}` : cause;
    return new AgentError("lost", `The remote host is not connected (${about})`);
  }
}
