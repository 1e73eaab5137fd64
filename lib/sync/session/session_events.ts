/** Tells of one session: its state when that is another than before, and what was carried over. */
import type { Emit } from "../../agent_event.ts";
import type { SyncState } from "../types.ts";

/** See the file comment. */
export class SessionEvents {
  readonly #folder: string;
  readonly #emit: Emit;
  #told = "";

  constructor(folder: string, emit: Emit) {
    this.#folder = folder;
    this.#emit = emit;
  }

  /** The session has come to rest in `state`, which may be the one it was in. */
  state(state: SyncState, reason?: string): void {
    const now = `${state} ${reason ?? ""}`;
    if (now === this.#told) return;
    this.#told = now;
    const why = reason === undefined ? {} : { reason };
    this.#emit({ kind: "sync.state", folder: this.#folder, state, ...why });
  }

  /** So many changes have been carried over. */
  flushed(changes: number): void {
    if (changes > 0) this.#emit({ kind: "sync.flush", folder: this.#folder, changes });
  }

  /** The remote version of `file` has lost and is kept. */
  conflict(file: string): void {
    this.#emit({ kind: "sync.conflict", folder: this.#folder, file });
  }
}
