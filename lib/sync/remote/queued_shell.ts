/** A shell that runs a few commands at a time and lets the others wait, however many ask. */
import { Places } from "../../system/places.ts";
import type {
  CommandResult,
  RemoteProcess,
  Shell,
  SpawnOptions,
} from "../../transport/transport.ts";

/** Commands at a time; the transport refuses more than six, with those that stay. */
const MAX_RUNNING = 3;
const MAX_WATCHING = 3;

/** See the file comment. */
export class QueuedShell implements Shell {
  readonly #inner: Shell;
  readonly #places = new Places(MAX_RUNNING);
  #watching = 0;

  constructor(inner: Shell) {
    this.#inner = inner;
  }

  get files(): Shell["files"] {
    const { files } = this.#inner;
    return files && (() => files.call(this.#inner));
  }

  run(command: string, options?: { signal?: AbortSignal }): Promise<CommandResult> {
    return this.#inner.run(command, options);
  }

  async spawn(command: string, options?: SpawnOptions): Promise<RemoteProcess> {
    await this.#places.enter();
    try {
      options?.signal?.throwIfAborted();
      const process = await this.#inner.spawn(command, options);
      void process.exit.then(() => this.#places.leave());
      return process;
    } catch (error) {
      this.#places.leave();
      throw error;
    }
  }

  /** A command that stays, beside the others; nothing while there are too many of them. */
  watch(command: string, options?: SpawnOptions): Promise<RemoteProcess> | undefined {
    if (this.#watching >= MAX_WATCHING) return undefined;
    this.#watching += 1;
    const started = this.#inner.spawn(command, options);
    void started.then(({ exit }) => exit).catch(() => {}).finally(() => this.#watching -= 1);
    return started;
  }
}
