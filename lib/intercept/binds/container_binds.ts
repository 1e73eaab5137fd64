/**
 * Which sync sessions every container uses, kept true to what the engine says. Steps for one container
 * run one after another; events, answers and lists only lead to a step, so late or repeated ones do no
 * harm. The sessions belong to the sync manager.
 */
import type { EngineClient } from "../../docker/engine_client.ts";
import type { EngineEvent } from "../../docker/events.ts";
import { unexpectedAnswer } from "../../docker/unexpected_answer.ts";
import { describeError } from "../../errors.ts";
import { type Logger, logger } from "../../log.ts";
import type { BindSync } from "../../sync/types.ts";
import { Attempts } from "../attempts.ts";
import { inspectContainer, removeUnstarted } from "../inspect_container.ts";
import {
  type BoundContainer,
  boundFromEvent,
  boundFromInspect,
  boundFromListItem,
  type BoundView,
} from "./bound_container.ts";
import { BINDS_LABEL, sessionsOf } from "./label.ts";
import { reviveSessions } from "./revival.ts";
import { SecondLooks } from "./second_looks.ts";
import { Turns } from "../turns.ts";

/** What is needed to follow containers. */
export interface ContainerBindsOptions {
  readonly engine: Pick<EngineClient, "get" | "delete">;
  readonly sync: Pick<BindSync, "prepare" | "knows" | "attach" | "detach" | "attached">;
  /** Whose containers are followed; see `ownerId`. */
  readonly owner: string;
  /** Brings home what a container has written; whether that is over. Never rejects. */
  bringHome(container: BoundContainer): Promise<boolean>;
  /** Before the first further attempt to do so, in milliseconds; they double. Default: 5 s. */
  readonly againMs?: number;
  readonly log?: Logger;
}

/** Containers remembered; of more, the oldest are asked for again. */
const MAX_KNOWN = 4096;

/** See the file comment. */
export class ContainerBinds {
  readonly #options: ContainerBindsOptions;
  readonly #log: Logger;
  readonly #known = new Map<string, BoundContainer>();
  readonly #attached = new Set<string>();
  /** Containers that are being started: what the engine said before does not end their sessions. */
  readonly #starting = new Attempts();
  readonly #turns = new Turns();
  readonly #later: SecondLooks;
  readonly #closing = new AbortController();

  constructor(options: ContainerBindsOptions) {
    this.#options = options;
    this.#log = options.log ?? logger("binds");
    this.#later = new SecondLooks(options.againMs);
  }

  /** Whose containers are followed. */
  get owner(): string {
    return this.#options.owner;
  }

  /** Notes a container; the engine is not asked for it again. */
  remember(container: BoundContainer): void {
    this.#known.delete(container.id);
    this.#known.set(container.id, container);
    if (this.#known.size <= MAX_KNOWN) return;
    for (const id of this.#known.keys()) {
      if (this.#attached.has(id)) continue;
      this.#known.delete(id);
      return;
    }
  }

  /** The containers that are known here. */
  known(): Iterable<BoundContainer> {
    return this.#known.values();
  }

  /** Whether `id` was created here and has not been started since. */
  isUnstarted(id: string): boolean {
    return this.#known.has(id) && !this.#attached.has(id);
  }

  /** A container that is known here by its id, its name or the beginning of its id. */
  recall(target: string): BoundContainer | undefined {
    const exact = this.#known.get(target);
    if (exact !== undefined) return exact;
    for (const container of this.#known.values()) {
      if (container.name === target) return container;
      if (target.length >= 12 && container.id.startsWith(target)) return container;
    }
    return undefined;
  }

  /**
   * What `target` (name, id or the beginning of one) mounts; nothing when there is no such container,
   * when it has no mount of ours or belongs to somebody else. Throws `AgentError` of kind `lost`.
   */
  async find(target: string, signal: AbortSignal): Promise<BoundContainer | undefined> {
    const known = this.#known.get(target);
    if (known !== undefined) return known;
    const found = await this.inspect(target, signal);
    if (found?.request?.owner !== this.owner) return undefined;
    this.remember(found.container);
    return found.container;
  }

  /** What the engine says of any container; nothing when there is none. Throws as {@link find}. */
  async inspect(
    target: string,
    signal: AbortSignal,
  ): Promise<BoundView | undefined> {
    return await inspectContainer(this.#options.engine, target, boundFromInspect, signal);
  }

  /** Removes a container that could not be started, as the engine does with `--rm`. */
  async removeUnstarted(id: string): Promise<void> {
    const found = await this.inspect(id, this.#closing.signal);
    await removeUnstarted(this.#options.engine, id, found?.container);
  }

  /** Makes sessions of a container again that are gone. Throws `AgentError`. */
  async revive(container: BoundContainer, signal: AbortSignal): Promise<void> {
    await reviveSessions(this.#options.sync, container, signal);
  }

  /** The container uses its sessions from here on, whatever older events say, until {@link started}. */
  async starting(container: BoundContainer): Promise<void> {
    const { id } = container;
    this.#starting.begin(id);
    try {
      await this.#turns.run(id, () => this.#attach(container));
    } catch (error) {
      this.#starting.end(id);
      throw error;
    }
  }

  /** The attempt that {@link starting} announced is over; one that failed is looked at again. */
  started(container: BoundContainer, ok: boolean): void {
    this.#starting.end(container.id);
    if (!ok) this.#look(container);
  }

  /** Takes note of an event. Never throws. */
  handle(event: EngineEvent): void {
    const { action, id } = event;
    const container = boundFromEvent(event, this.owner, this.#known.get(id));
    if (container === undefined) return;
    const attached = this.#attached.has(id);
    if (action === "start" || action === "rename") this.remember(container);
    if (action === "start" || (action === "rename" && attached)) {
      void this.#step(id, () => this.#attach(container));
    } else if (action === "die") {
      void this.#step(id, () => this.#ended(container));
    } else if (action === "destroy") {
      void this.#step(id, async () => {
        if (this.#attached.has(id)) await this.#ended(container);
        this.#known.delete(id);
      });
    }
  }

  /** Looks at all containers, after a connection; never rejects. */
  async lookAtAll(): Promise<void> {
    try {
      const before = this.#options.sync.attached();
      const running = (await this.#list()).filter((container) => container.running);
      for (const container of running) this.#listed(container);
      const seen = new Set(running.map(({ id }) => id));
      for (const { id, name, sessions } of before.filter((each) => !seen.has(each.id))) {
        const mounts = sessions.map((session) => ({ target: "", source: "", remote: "", session }));
        this.#look({ id, name, running: false, autoRemove: false, mounts });
      }
      await this.#turns.allIdle();
    } catch (error) {
      this.#tell(error);
    }
  }

  /** The list may be old news by now: only what was known already is believed. */
  #listed(container: BoundContainer): void {
    const { id } = container;
    this.remember(container);
    if (!this.#attached.has(id) || this.#turns.has(id)) return this.#look(container);
    void this.#step(id, () => this.#attach(container));
  }

  async #list(): Promise<BoundContainer[]> {
    const filters = JSON.stringify({ label: [BINDS_LABEL] });
    const query = new URLSearchParams({ all: "1", filters });
    const { signal } = this.#closing;
    const answer = await this.#options.engine.get(`/containers/json?${query}`, { signal });
    if (answer.status !== 200 || !Array.isArray(answer.body)) {
      throw unexpectedAnswer("the list of containers", answer);
    }
    return answer.body.flatMap((item) => boundFromListItem(item, this.owner) ?? []);
  }

  /** Asks the engine whether a container runs, and follows the answer; never rejects. */
  #look(container: BoundContainer): void {
    void this.#step(container.id, async () => {
      const found = await this.inspect(container.id, this.#closing.signal);
      if (found?.container.running === true) await this.#attach(found.container);
      else await this.#ended(container);
    });
  }

  async #attach(container: BoundContainer): Promise<void> {
    const sessions = sessionsOf(container);
    if (sessions.length === 0) return;
    await this.revive(container, this.#closing.signal);
    await this.#options.sync.attach({ id: container.id, name: container.name }, sessions);
    this.#attached.add(container.id);
    this.#later.forget(container.id);
  }

  /** Its writes come home before its sessions are let go, however long that takes. */
  async #ended(container: BoundContainer): Promise<void> {
    const { id } = container;
    if (this.#starting.has(id)) return;
    const isOver = await this.#options.bringHome(container);
    // It was started again meanwhile, and uses them still.
    if (this.#starting.has(id)) return;
    // Those of a program that ends are taken up by the next one.
    if (this.#closing.signal.aborted && !isOver) return;
    if (!isOver) return this.#later.keep(id, () => this.#look(container));
    this.#later.forget(id);
    this.#attached.delete(id);
    await this.#options.sync.detach(id);
  }

  #step(id: string, work: () => Promise<void>): Promise<void> {
    return this.#turns.run(id, work).catch(this.#tell);
  }

  readonly #tell = (error: unknown): void => {
    if (this.#closing.signal.aborted) return;
    this.#log.warn(`Cannot follow the bind mounts of a container: ${describeError(error)}`);
  };

  /** Ends the questions under way and waits for the steps; the sessions are closed by their owner. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#later.close();
    await this.#turns.allIdle();
  }
}
