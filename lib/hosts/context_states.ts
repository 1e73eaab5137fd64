/**
 * Keeps the descriptions of contexts true while a program serves their hosts: each says where its host is
 * and how that is. Only contexts that are there and ours are written; nothing waits for it.
 */
import { messageOf } from "../errors.ts";
import { logger } from "../log.ts";
import type { ContextStore } from "./context_store.ts";

/** What a description says of a host. */
export interface HostState {
  readonly name: string;
  /** Where it is, such as `ssh://dev@gpu`. */
  readonly address: string;
  /** `up`, `down`, ... */
  readonly state: string;
}

/** The description of a context. */
export function describeContext({ name, address, state }: HostState): string {
  return `${name}: ${address === "" ? "" : `${address}, `}${state} (remote-docker-agent)`;
}

/** See the file comment. */
export class ContextStates {
  readonly #store: ContextStore;
  readonly #known = new Map<string, string>();
  #turn: Promise<void> = Promise.resolve();

  constructor(store: ContextStore) {
    this.#store = store;
  }

  /** Writes what has changed. */
  update(states: readonly HostState[]): void {
    for (const state of states) {
      const text = describeContext(state);
      if (this.#known.get(state.name) === text) continue;
      this.#known.set(state.name, text);
      this.#turn = this.#turn.then(() => this.#write(state.name, text));
    }
  }

  /** Says that the hosts are served no more; settles when all is written. Never rejects. */
  async close(states: readonly HostState[]): Promise<void> {
    this.update(states.map((state) => ({ ...state, state: "not served" })));
    await this.#turn;
  }

  async #write(name: string, text: string): Promise<void> {
    // By now there may be something newer to say.
    if (this.#known.get(name) !== text) return;
    try {
      await this.#store.describe(name, text);
    } catch (error) {
      logger("hosts").debug(`Cannot describe a context: ${messageOf(error)}`, { host: name });
    }
  }
}
