/** Watches a wait that ought to make progress: says when it makes none, and gives it up in the end. */
import { AgentError } from "../../errors.ts";

/** After this, somebody ought to know why a command does not return. */
const TELL_MS = 10_000;
/** A wait without any progress for so long is given up. */
const STALL_MS = 120_000;

/** See the file comment. Whoever made it closes it. */
export class StallWatch {
  readonly #stalled = new AbortController();
  readonly #tell: (seconds: number) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `tell` is called once for each time without progress that is worth a word. */
  constructor(tell: (seconds: number) => void) {
    this.#tell = tell;
    this.progress();
  }

  /** Aborts when the wait is to be given up, with the reason for people. */
  get signal(): AbortSignal {
    return this.#stalled.signal;
  }

  /** It goes on. */
  progress(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#tell(TELL_MS / 1000);
      this.#timer = setTimeout(() => this.#giveUp(), STALL_MS - TELL_MS);
    }, TELL_MS);
  }

  #giveUp(): void {
    this.#stalled.abort(
      new AgentError("lost", `No progress for ${STALL_MS / 1000} s`, {
        hint: "what is missing follows when the remote host answers again",
      }),
    );
  }

  /** It is over, well or not. */
  close(): void {
    clearTimeout(this.#timer);
  }
}
