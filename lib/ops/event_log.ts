/**
 * The last events of one running program, for as many readers as there are. A reader takes its place
 * in the list along; nothing is queued for it, so a slow one costs nothing and is told what it has
 * missed.
 */
import type { AgentEvent, Emit } from "../agent_event.ts";

/** Events that are kept. */
export const MAX_EVENTS = 1000;

/** An event as it is shown. */
export type StampedEvent = {
  /** As RFC 3339 has it, in UTC. */
  readonly time: string;
  readonly pid: number;
  /** The name of the remote host it is about, if it has one. */
  readonly host?: string;
} & (AgentEvent | MissedEvents);

/** Stands in the place of events that were dropped before they were read. */
export interface MissedEvents {
  readonly kind: "events.missed";
  readonly count: number;
}

/** What a reader wants. */
export interface FollowOptions {
  /** From when on, in milliseconds since the epoch. Default: only what is still to come. */
  readonly since?: number;
  /** Go on with what is still to come. */
  readonly follow: boolean;
  /** Ends the reading. */
  readonly signal: AbortSignal;
}

/** See the file comment. */
export class EventLog {
  readonly #events: StampedEvent[] = [];
  /** The number of the first event in the list; they are numbered through. */
  #first = 0;
  readonly #waiting = new Set<() => void>();

  /** A way to tell of events, of the remote host of this name if it has one. */
  emitter(host?: string): Emit {
    return (event) => {
      const time = new Date().toISOString();
      const about = host === undefined ? {} : { host };
      this.#events.push({ time, pid: Deno.pid, ...about, ...event });
      if (this.#events.length > MAX_EVENTS) {
        this.#events.shift();
        this.#first++;
      }
      for (const wake of [...this.#waiting]) wake();
    };
  }

  /** Reads from a place on. */
  async *read({ since, follow, signal }: FollowOptions): AsyncGenerator<StampedEvent> {
    let next = this.#placeOf(since);
    while (!signal.aborted) {
      if (next < this.#first) {
        yield missed(this.#first - next);
        next = this.#first;
      }
      const event = this.#events[next - this.#first];
      if (event !== undefined) {
        next++;
        yield event;
      } else if (follow) await this.#more(signal);
      else return;
    }
  }

  #placeOf(since: number | undefined): number {
    if (since === undefined) return this.#first + this.#events.length;
    const at = this.#events.findIndex(({ time }) => Date.parse(time) >= since);
    return this.#first + (at < 0 ? this.#events.length : at);
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }
}

function missed(count: number): StampedEvent {
  return { time: new Date().toISOString(), pid: Deno.pid, kind: "events.missed", count };
}
