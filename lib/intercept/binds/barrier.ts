/**
 * The two waits that make a synced folder look like a local one: before something runs in a container,
 * what the user has saved is there; after it has ended, what it has written is here.
 */
import { AgentError, describeError } from "../../errors.ts";
import { type Logger, logger } from "../../log.ts";
import { SessionTaken } from "../../sync/session/session_lock.ts";
import type { BindSync } from "../../sync/types.ts";
import { type BoundContainer } from "./bound_container.ts";
import { sessionsOf } from "./label.ts";
import type { ReportSync } from "./sync_report.ts";

/** What is needed to wait. */
export interface BindBarrierOptions {
  readonly sync: Pick<BindSync, "flush">;
  readonly report: ReportSync;
  /**
   * Has another process flush sessions that it works on. Rejects where it cannot. Default: nobody is
   * asked.
   */
  readonly askHolder?: AskHolder;
  readonly log?: Logger;
}

/** See {@link BindBarrierOptions}; `process` is its id. */
export type AskHolder = (process: number, sessions: readonly string[]) => Promise<void>;

/** A wait without any progress for so long is given up. */
const STALL_MS = 120_000;

/** See the file comment. */
export class BindBarrier {
  readonly #options: BindBarrierOptions;
  readonly #log: Logger;
  readonly #closing = new AbortController();

  constructor(options: BindBarrierOptions) {
    this.#options = options;
    this.#log = options.log ?? logger("binds");
  }

  /** Both sides are equal when this settles; throws why they cannot be made so. */
  async flush(container: BoundContainer, signal?: AbortSignal): Promise<void> {
    const sessions = sessionsOf(container);
    if (sessions.length === 0) return;
    const stalled = new AbortController();
    const giveUp = () =>
      stalled.abort(
        new AgentError("lost", `No progress for ${STALL_MS / 1000} s`, {
          hint: "what is missing follows when the remote host answers again",
        }),
      );
    let timer = setTimeout(giveUp, STALL_MS);
    const report = this.#options.report(subjectOf(container));
    const signals = [stalled.signal, this.#closing.signal, ...(signal ? [signal] : [])];
    try {
      await this.#options.sync.flush(sessions, {
        signal: AbortSignal.any(signals),
        onProgress: (progress) => {
          clearTimeout(timer);
          timer = setTimeout(giveUp, STALL_MS);
          report.update(progress);
        },
      });
    } catch (error) {
      throw stalled.signal.aborted ? stalled.signal.reason : error;
    } finally {
      clearTimeout(timer);
      report.end();
    }
  }

  /**
   * As {@link flush}, for what is over or must not be held up: a failure is told in the log, and what
   * is missing follows later. A folder that another agent keeps in sync is flushed by that one. Never
   * rejects.
   */
  async settle(container: BoundContainer, signal?: AbortSignal): Promise<void> {
    try {
      await this.flush(container, signal).catch((error) => this.#byHolder(container, error));
    } catch (error) {
      if (signal?.aborted === true || this.#closing.signal.aborted) return;
      const name = container.name || container.id.slice(0, 12);
      this.#log.warn(`The folders of container ${name} are not in sync: ${describeError(error)}`);
    }
  }

  async #byHolder(container: BoundContainer, error: unknown): Promise<void> {
    const { askHolder } = this.#options;
    if (!(error instanceof SessionTaken) || error.holder === undefined || !askHolder) throw error;
    await askHolder(error.holder, sessionsOf(container));
  }

  /** Gives up all waits. */
  close(): void {
    this.#closing.abort(new AgentError("lost", "The program is shutting down"));
  }
}

/** Who waits, or what is synced where the engine has not told us the name that it gives. */
function subjectOf({ id, name, mounts }: BoundContainer): string {
  if (name !== "") return `for ${name}`;
  const [first] = mounts.filter(({ session }) => session !== undefined);
  return first?.source.split(/[\\/]/).findLast((part) => part !== "") ?? `for ${id.slice(0, 12)}`;
}
