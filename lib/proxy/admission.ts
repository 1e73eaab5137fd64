/**
 * Who is served next, and how many at a time. Up to `max` connections are served; a further one
 * waits for its turn and is turned away when that takes too long.
 *
 * Fairness: places that become free go to the client that holds the fewest, and a few places beyond
 * `max` are kept for clients that hold few, so that one client with all the places there are keeps
 * nobody else out. A client by itself never has more than `max`.
 */

/** How many may wait at a time; further ones are turned away at once. */
const MAX_WAITING = 1024;
/** The reserve for clients that hold few places: this part of `max`, and at least this many. */
const RESERVE_PART = 8;
const LEAST_RESERVE = 2;

/** What an {@link Admission} is made of. */
export interface AdmissionOptions {
  /** Places; 0 for any number. */
  max: number;
  /** How long to wait for one, in milliseconds. */
  waitMs: number;
  /** Called when somebody has to wait. */
  onWait?(): void;
}

/** Gives a place back. To be called once. */
export type Leave = () => void;

interface Waiting {
  client: string;
  admit(leave: Leave | undefined): void;
}

/** See the file comment. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #reserve: number;
  readonly #held = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  #active = 0;
  #closed = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    const part = Math.max(LEAST_RESERVE, Math.ceil(options.max / RESERVE_PART));
    this.#reserve = Math.min(options.max, part);
  }

  /** Places taken. */
  get active(): number {
    return this.#active;
  }

  /** Connections that wait for a place. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** A place for `client`, at once or in time; `undefined` when there is none. */
  enter(client: string): Leave | undefined | Promise<Leave | undefined> {
    if (this.#closed) return undefined;
    if (this.#hasPlaceFor(client)) return this.#take(client);
    const { waitMs, onWait } = this.#options;
    if (waitMs === 0 || this.#waiting.size >= MAX_WAITING) return undefined;
    onWait?.();
    return new Promise((resolve) => {
      const waiting: Waiting = {
        client,
        admit: (leave) => {
          clearTimeout(timer);
          this.#waiting.delete(waiting);
          resolve(leave);
        },
      };
      const timer = setTimeout(() => waiting.admit(undefined), waitMs);
      this.#waiting.add(waiting);
    });
  }

  /** Turns away everybody who waits, and from now on everybody who comes. */
  close(): void {
    this.#closed = true;
    for (const waiting of [...this.#waiting]) waiting.admit(undefined);
  }

  #hasPlaceFor(client: string): boolean {
    const { max } = this.#options;
    if (max === 0 || this.#active < max) return true;
    return this.#active < max + this.#reserve && this.#heldBy(client) < this.#reserve;
  }

  #heldBy(client: string): number {
    return this.#held.get(client) ?? 0;
  }

  #take(client: string): Leave {
    this.#active++;
    this.#held.set(client, this.#heldBy(client) + 1);
    return () => {
      this.#active--;
      const left = this.#heldBy(client) - 1;
      if (left > 0) this.#held.set(client, left);
      else this.#held.delete(client);
      this.#admitNext();
    };
  }

  /** Of those who may come in, the one whose client holds the fewest; the first come among equals. */
  #admitNext(): void {
    let next: Waiting | undefined;
    for (const waiting of this.#waiting) {
      const fewer = next === undefined ||
        this.#heldBy(waiting.client) < this.#heldBy(next.client);
      if (fewer && this.#hasPlaceFor(waiting.client)) next = waiting;
    }
    if (next !== undefined) next.admit(this.#take(next.client));
  }
}
