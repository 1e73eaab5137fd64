/** What others see of a program with many hosts. */
import type { ProgramSettings } from "../config/configuration.ts";
import { describeError } from "../errors.ts";
import { logger } from "../log.ts";
import { openOps, type Ops } from "../ops/ops.ts";
import type { OpsSource } from "../ops/sources/source.ts";

/**
 * Its private socket, which stays, and its operations server, which changes with the configuration.
 * It owns both; whoever made it closes it.
 */
export class Face {
  readonly #source: OpsSource;
  #private: Ops | undefined;
  #server: Ops | undefined;
  #shown = "";

  constructor(source: OpsSource) {
    this.#source = source;
  }

  /** Throws `AgentError` if an address cannot be listened on. */
  async open({ ops }: ProgramSettings): Promise<void> {
    this.#private = await openOps(this.#source, { ...ops, listen: [] });
    await this.#serve(ops);
  }

  /** Never rejects: the hosts are served whether or not somebody can watch. */
  async change({ ops }: ProgramSettings): Promise<void> {
    if (JSON.stringify(ops) === this.#shown) return;
    await this.#server?.close();
    this.#server = undefined;
    try {
      await this.#serve(ops);
    } catch (error) {
      logger("ops").error(describeError(error));
    }
  }

  async close(): Promise<void> {
    await this.#server?.close();
    await this.#private?.close();
  }

  async #serve(ops: ProgramSettings["ops"]): Promise<void> {
    this.#shown = JSON.stringify(ops);
    const { runtimeDirectory: _private, ...rest } = ops;
    this.#server = await openOps(this.#source, rest);
  }
}
