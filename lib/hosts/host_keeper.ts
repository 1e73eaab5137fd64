/**
 * Keeps one remote host going: starts it, again and again until that works, and stops it when it is told
 * to. Nothing that happens to it reaches another host. It owns what it has started.
 */
import { describeError } from "../errors.ts";
import { logger } from "../log.ts";
import { sleep } from "../system/sleep.ts";

/** Pauses between attempts to start, doubling from the first to the last. */
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 30_000;

/** Something that runs for one remote host. */
export interface HostUnit {
  /** Settles, with the reason, only if it cannot go on by itself. */
  readonly failed: Promise<Error>;
  /** Lets its clients finish for up to `timeoutMs`, then closes everything. */
  shutdown(timeoutMs: number): Promise<void>;
}

/** One remote host as it is to be. */
export interface HostSpec<U extends HostUnit> {
  readonly name: string;
  /** For people, such as `ssh://dev@gpu`. */
  readonly address: string;
  /** Two specifications with the same text are the same. */
  readonly fingerprint: string;
  /** Starts it without waiting for the remote host, or throws and leaves nothing behind. */
  start(signal: AbortSignal): Promise<U>;
}

/** See the file comment. */
export class HostKeeper<U extends HostUnit> {
  readonly spec: HostSpec<U>;
  /** Settles after the first attempt, whatever came of it. */
  readonly attempted: Promise<void>;
  readonly since = new Date();
  readonly #stopping = new AbortController();
  readonly #done: Promise<void>;
  #unit: U | undefined;
  #error: unknown;
  #hasFailed = false;
  #stopped: Promise<void> | undefined;

  constructor(spec: HostSpec<U>) {
    this.spec = spec;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.attempted = promise;
    this.#done = this.#run(resolve);
  }

  /** What runs, if it does. */
  get unit(): U | undefined {
    return this.#unit;
  }

  /** Why it could not be started last; `undefined` while it runs. */
  get error(): unknown {
    return this.#unit === undefined ? this.#error : undefined;
  }

  /** It runs, but what it waits for is never tried again: only a new start helps. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Ends it; never rejects. Only the first call says how long that may take. */
  stop(timeoutMs: number): Promise<void> {
    return this.#stopped ??= this.#stop(timeoutMs);
  }

  async #stop(timeoutMs: number): Promise<void> {
    this.#stopping.abort();
    await this.#done;
    try {
      await this.#unit?.shutdown(timeoutMs);
    } catch (error) {
      // Whatever is left of it, the other hosts go on.
      logger("hosts").warn(`Cannot shut down cleanly: ${describeError(error)}`, {
        host: this.spec.name,
      });
    }
  }

  async #run(attempted: () => void): Promise<void> {
    const log = logger("hosts");
    const { signal } = this.#stopping;
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs *= 2) {
      try {
        this.#unit = await this.spec.start(signal);
        void this.#unit.failed.then((error) => {
          this.#hasFailed = true;
          log.error(`Gave up: ${describeError(error)}`, { host: this.spec.name });
        });
        return attempted();
      } catch (error) {
        if (!signal.aborted) {
          this.#error = error;
          log.warn(`Cannot start: ${describeError(error)}`, { host: this.spec.name });
        }
      }
      attempted();
      await sleep(Math.min(pauseMs, LAST_PAUSE_MS), signal);
    }
  }
}
