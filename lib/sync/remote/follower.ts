/** Has a large remote tree watched, where there is a place for it; otherwise it is asked by and by. */
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Agenda } from "../session/agenda.ts";
import type { Opened } from "./side.ts";
import type { Schedule } from "../session/schedule.ts";
import { watchRemote } from "./watch.ts";

/** See the file comment. The session closes it. */
export class RemoteFollower {
  readonly #schedule: Schedule;
  readonly #agenda: Agenda;
  readonly #log: Logger;
  /** Ends the watch that there is, or that is being started. */
  #watch: AbortController | undefined;

  constructor(schedule: Schedule, agenda: Agenda, log: Logger) {
    this.#schedule = schedule;
    this.#agenda = agenda;
    this.#log = log;
  }

  /** Starts unless it runs already. A host that takes its time with that holds nobody up. */
  follow({ shell, root }: Opened): void {
    const { files, isByEngine } = root.facts;
    if (this.#watch !== undefined || files !== undefined || isByEngine === true) return;
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
      this.close();
      this.#agenda.wake();
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
    this.#watch?.abort();
    this.#watch = undefined;
    this.#schedule.isFollowed = false;
  }
}
