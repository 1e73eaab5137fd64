/** Has a large remote tree watched, where there is a place for it; otherwise it is asked by and by. */
import type { Agenda } from "../session/agenda.ts";
import type { Opened } from "./side.ts";
import type { Schedule } from "../session/schedule.ts";
import { watchRemote } from "./watch.ts";

/** See the file comment. The session closes it. */
export class RemoteFollower {
  readonly #schedule: Schedule;
  readonly #agenda: Agenda;
  #watch: { close(): void } | undefined;

  constructor(schedule: Schedule, agenda: Agenda) {
    this.#schedule = schedule;
    this.#agenda = agenda;
  }

  /** Starts unless it runs already. */
  async follow({ shell, root }: Opened): Promise<void> {
    const { files, isByEngine } = root.facts;
    if (this.#watch !== undefined || files !== undefined || isByEngine === true) return;
    this.#watch = await watchRemote(shell, root, () => this.#agenda.remote(), () => {
      this.#watch = undefined;
      this.#schedule.isFollowed = false;
      this.#agenda.wake();
    });
    if (this.#watch === undefined) return;
    this.#schedule.isFollowed = true;
    // What changed between the last look and the first mark.
    this.#agenda.remote();
  }

  /** Ends the watch, if there is one. */
  close(): void {
    this.#watch?.close();
  }
}
