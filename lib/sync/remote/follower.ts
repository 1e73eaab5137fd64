/** Has a large remote tree watched, where there is a place for it; otherwise it is asked by and by. */
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Agenda } from "../session/agenda.ts";
import type { Opened } from "./side.ts";
import type { Schedule } from "../session/schedule.ts";
import { watchRemote } from "./watch.ts";

/**
 * Between two starts: one that ends at once, as on a full disk, or for which there is no place, is not
 * tried with every look.
 */
const AGAIN_MS = 10_000;

/** See the file comment. The session closes it. */
export class RemoteFollower {
  readonly #schedule: Schedule;
  readonly #agenda: Agenda;
  readonly #log: Logger;
  /** Ends the watch that there is, or that is being started. */
  #watch: AbortController | undefined;
  readonly #now: () => number;
  #notBefore = -Infinity;

  /** `now` is in milliseconds since some moment, `performance.now` unless given. */
  constructor(
    schedule: Schedule,
    agenda: Agenda,
    log: Logger,
    now: () => number = () => performance.now(),
  ) {
    this.#schedule = schedule;
    this.#agenda = agenda;
    this.#log = log;
    this.#now = now;
  }

  /** Starts unless it runs already. A host that takes its time with that holds nobody up. */
  follow({ shell, root }: Opened): void {
    const { files, isByEngine } = root.facts;
    if (this.#watch !== undefined || files !== undefined || isByEngine === true) return;
    if (this.#now() < this.#notBefore) return;
    this.#notBefore = this.#now() + AGAIN_MS;
    const watch = this.#watch = new AbortController();
    void this.#start({ shell, root }, watch);
  }

  async #start({ shell, root }: Opened, watch: AbortController): Promise<void> {
    const { signal } = watch;
    const hint = () => {
      if (!signal.aborted) this.#agenda.remote();
    };
    const end = () => {
      if (this.#watch !== watch) return;
      const { isFollowed } = this.#schedule;
      this.#stop();
      // The long pause of whoever is followed is over; any other pause goes on.
      if (isFollowed) this.#agenda.wake();
    };
    try {
      const isThere = await watchRemote(shell, root, { onChange: hint, onEnd: end, signal });
      if (!isThere) return end();
      if (signal.aborted) return;
      this.#schedule.isFollowed = true;
      // What changed between the last look and the first mark.
      this.#agenda.remote();
    } catch (error) {
      if (!signal.aborted) this.#log.debug(`Cannot watch a remote folder: ${messageOf(error)}`);
      end();
    }
  }

  /** Ends the watch, if there is one. */
  close(): void {
    this.#stop();
    this.#notBefore = -Infinity;
  }

  #stop(): void {
    this.#watch?.abort();
    this.#watch = undefined;
    this.#schedule.isFollowed = false;
  }
}
