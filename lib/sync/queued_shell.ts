/** A shell that runs a few commands at a time and lets the others wait, however many ask. */
import type { CommandResult, RemoteProcess, Shell, SpawnOptions } from "../transport/transport.ts";

/** Commands at a time; the transport refuses more than four. */
const MAX_RUNNING = 3;

/** See the file comment. */
export class QueuedShell implements Shell {
  readonly #inner: Shell;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #isWatching = false;

  constructor(inner: Shell) {
    this.#inner = inner;
  }

  run(command: string, options?: { signal?: AbortSignal }): Promise<CommandResult> {
    return this.#inner.run(command, options);
  }

  async spawn(command: string, options?: SpawnOptions): Promise<RemoteProcess> {
    if (this.#running >= MAX_RUNNING) {
      // Whoever leaves hands over its place, so the count stays.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    try {
      options?.signal?.throwIfAborted();
      const process = await this.#inner.spawn(command, options);
      void process.exit.then(() => this.#leave());
      return process;
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  /** One command that stays, beside the others; nothing while there is one already. */
  watch(command: string, options?: SpawnOptions): Promise<RemoteProcess> | undefined {
    if (this.#isWatching) return undefined;
    this.#isWatching = true;
    const started = this.#inner.spawn(command, options);
    void started.then(({ exit }) => exit).catch(() => {}).finally(() => this.#isWatching = false);
    return started;
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
