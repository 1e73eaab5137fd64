/**
 * The remote hosts of one program, each by itself: what is added is started, what is removed is stopped,
 * what has changed is started anew, and all others are left alone. It owns a keeper for each.
 */
import { HostKeeper, type HostSpec, type HostUnit } from "./host_keeper.ts";

/** What a change came to, by the names of hosts. */
export interface HostChanges {
  readonly started: readonly string[];
  readonly stopped: readonly string[];
  readonly kept: readonly string[];
}

/** See the file comment. */
export class HostSet<U extends HostUnit> {
  #keepers = new Map<string, HostKeeper<U>>();
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** The hosts in the order of the configuration. */
  get keepers(): readonly HostKeeper<U>[] {
    return [...this.#keepers.values()];
  }

  /**
   * Makes the hosts what `specs` say; settles when each has been tried once. Those that stop may finish
   * for up to `timeoutMs`. Changes follow each other. Never rejects.
   */
  apply(specs: readonly HostSpec<U>[], timeoutMs: number): Promise<HostChanges> {
    const change = this.#turn.then(() => this.#apply(this.#isClosed ? [] : specs, timeoutMs));
    this.#turn = change;
    return change;
  }

  /** Stops all of them, for good; never rejects. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.keepers.map((keeper) => keeper.stop(timeoutMs)));
    await this.apply([], 0);
  }

  async #apply(specs: readonly HostSpec<U>[], timeoutMs: number): Promise<HostChanges> {
    const next = new Map<string, HostKeeper<U>>();
    for (const { name, fingerprint } of specs) {
      const keeper = this.#keepers.get(name);
      // One that has given up gets another chance with every change.
      if (keeper === undefined || keeper.hasFailed) continue;
      if (keeper.spec.fingerprint === fingerprint) next.set(name, keeper);
    }
    const kept = [...next.keys()];
    const ending = [...this.#keepers].filter(([name]) => !next.has(name));
    // An address may go from one host to another, so all end before any begins.
    await Promise.all(ending.map(([, keeper]) => keeper.stop(timeoutMs)));
    const all = new Map(specs.map((spec) => {
      const keeper = next.get(spec.name) ?? new HostKeeper(spec);
      return [spec.name, keeper];
    }));
    this.#keepers = all;
    await Promise.all([...all.values()].map(({ attempted }) => attempted));
    const started = [...all.keys()].filter((name) => !kept.includes(name));
    return { started, stopped: ending.map(([name]) => name), kept };
  }
}
