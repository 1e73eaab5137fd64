/**
 * The two waits that make a synced folder look like a local one: before something runs in a container,
 * what the user has saved is there; after it has ended, what it has written is here.
 */
import { AgentError, describeError } from "../../errors.ts";
import { type Logger, logger } from "../../log.ts";
import { Halt } from "../../sync/session/guards.ts";
import { SessionTaken } from "../../sync/session/session_lock.ts";
import type { ReportSync } from "../../sync/sync_report.ts";
import type { BindSync } from "../../sync/types.ts";
import { sleep } from "../../system/sleep.ts";
import { type BoundContainer } from "./bound_container.ts";
import { sessionsOf } from "./label.ts";
import { StallWatch } from "./stall_watch.ts";

/** What is needed to wait. */
export interface BindBarrierOptions {
  readonly sync: Pick<BindSync, "flush">;
  readonly report: ReportSync;
  /**
   * Has another process flush sessions that it works on. Rejects where it cannot. Default: nobody is
   * asked.
   */
  readonly askHolder?: AskHolder;
  /** How long {@link BindBarrier.part} waits, in milliseconds. Default: 10 s. */
  readonly partingMs?: number;
  readonly log?: Logger;
}

/** See {@link BindBarrierOptions}; `process` is its id. */
export type AskHolder = (process: number, sessions: readonly string[]) => Promise<void>;

/** Whoever ends a container wants it gone: the sync holds that up for no longer, whatever it does. */
const PARTING_MS = 10_000;

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
    const subject = subjectOf(container);
    const stall = new StallWatch((seconds) =>
      this.#log.warn(`The sync ${subject} is waited for: no progress for ${seconds} s`)
    );
    const report = this.#options.report(subject);
    const signals = [stall.signal, this.#closing.signal, ...(signal ? [signal] : [])];
    try {
      await this.#options.sync.flush(sessions, {
        signal: AbortSignal.any(signals),
        onProgress: (progress) => {
          stall.progress();
          report.update(progress);
        },
      });
    } catch (error) {
      throw stall.signal.aborted ? stall.signal.reason : error;
    } finally {
      stall.close();
      report.end();
    }
  }

  /**
   * As {@link flush}, for what is over or must not be held up: a failure is told in the log, and what
   * is missing follows later. A folder that another agent keeps in sync is flushed by that one. Returns
   * whether it is over: all is here, or only somebody else can go on. Never rejects.
   */
  async settle(container: BoundContainer, signal?: AbortSignal): Promise<boolean> {
    try {
      await this.flush(container, signal).catch((error) => this.#byHolder(container, error));
      return true;
    } catch (error) {
      if (signal?.aborted === true || this.#closing.signal.aborted) return false;
      const name = nameOf(container);
      this.#log.warn(`The folders of container ${name} are not in sync: ${describeError(error)}`);
      return error instanceof Halt || error instanceof SessionTaken;
    }
  }

  /**
   * As {@link settle}, for whoever ends a container: is not waited for longer than that may be held up.
   * The rest is brought home all the same, see `container_binds.ts`. Never rejects.
   */
  async part(container: BoundContainer, signal: AbortSignal): Promise<void> {
    const { partingMs = PARTING_MS } = this.#options;
    const over = new AbortController();
    const limit = AbortSignal.any([signal, over.signal]);
    const late = sleep(partingMs, over.signal).then(() => "late" as const);
    const first = await Promise.race([this.settle(container, limit), late]);
    over.abort();
    if (first !== "late" || signal.aborted) return;
    const seconds = partingMs / 1000;
    this.#log.warn(
      `The folders of container ${nameOf(container)} are not in sync after ${seconds} s; ` +
        "what is missing follows",
    );
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

function nameOf({ name, id }: BoundContainer): string {
  return name || id.slice(0, 12);
}

/** Who waits, or what is synced where the engine has not told us the name that it gives. */
function subjectOf({ id, name, mounts }: BoundContainer): string {
  if (name !== "") return `for ${name}`;
  const [first] = mounts.filter(({ session }) => session !== undefined);
  return first?.source.split(/[\\/]/).findLast((part) => part !== "") ?? `for ${id.slice(0, 12)}`;
}
