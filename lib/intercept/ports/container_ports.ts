/**
 * Which local ports every container has, kept true to what the engine says. Everything is told by
 * looking again: an event, the answer to a start or a new connection only names the container to
 * look at, so that late, repeated or lost events do no harm. Looks at one container run one after
 * another, none while a start of it is under way. What it comes to here: `local_ends.ts`.
 */
import type { EngineClient } from "../../docker/engine_client.ts";
import type { EngineEvent } from "../../docker/events.ts";
import { unexpectedAnswer } from "../../docker/unexpected_answer.ts";
import { describeError, messageOf } from "../../errors.ts";
import { BindError } from "../../forward/bind_error.ts";
import { type Logger, logger } from "../../log.ts";
import { Attempts } from "../attempts.ts";
import { inspectContainer, removeUnstarted } from "../inspect_container.ts";
import { Turns } from "../turns.ts";
import { type ContainerView, viewOfInspect, viewOfListItem } from "./container_view.ts";
import { PORTS_LABEL } from "./label.ts";
import type { LocalEnds, StartingContainer } from "./local_ends.ts";

/** What is needed to follow the ports of containers. */
export interface ContainerPortsOptions {
  readonly engine: Pick<EngineClient, "get" | "delete">;
  readonly ends: LocalEnds;
  /** Pause between attempts to get a port that somebody else holds. Default: 2,000 ms. */
  readonly retryMs?: number;
  readonly log?: Logger;
}

/** Containers remembered from their creation; of more, the oldest are asked for again. */
const MAX_CREATED = 4096;
const RETRY_MS = 2_000;
/** Fewer characters of an id are taken for a name. */
const MIN_ID = 12;
const FULL_ID = /^[0-9a-f]{64}$/;

/** See the file comment. */
export class ContainerPorts {
  readonly #options: ContainerPortsOptions;
  readonly #log: Logger;
  readonly #created = new Map<string, StartingContainer>();
  /** Names of containers whose ports are followed, by id. */
  readonly #followed = new Map<string, string>();
  readonly #starting = new Attempts();
  readonly #turns = new Turns();
  /** Looks asked for and not begun: one look serves all who ask meanwhile. */
  readonly #waiting = new Map<string, Promise<void>>();
  /** For each list under way: the containers that something newer is known of meanwhile. */
  readonly #newer = new Set<Set<string>>();
  /** Containers whose local ports somebody else holds, with the timer of the next attempt. */
  readonly #blocked = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #closing = new AbortController();

  constructor(options: ContainerPortsOptions) {
    this.#options = options;
    this.#log = options.log ?? logger("ports");
  }

  /** Notes a container that was created through this agent. */
  remember(container: StartingContainer): void {
    this.#created.set(container.id, container);
    if (this.#created.size <= MAX_CREATED) return;
    const [oldest] = this.#created.keys();
    if (oldest !== undefined) this.#created.delete(oldest);
  }

  /** Whether container `id` is one of ours and holds no local ports now. */
  awaitsStart(id: string): boolean {
    const ours = this.#followed.has(id) || (this.#created.get(id)?.bindings.length ?? 0) > 0;
    return ours && this.#options.ends.published(id) === undefined;
  }

  /**
   * The container that `target` (name, id or the beginning of one) stands for, and what it is to
   * publish here; nothing when there is no such container. Throws `AgentError` of kind `lost`.
   */
  async find(target: string, signal: AbortSignal): Promise<StartingContainer | undefined> {
    const known = FULL_ID.test(target) ? this.#created.get(target) : undefined;
    if (known !== undefined) return known;
    const view = await this.#inspect(target, signal);
    return view && this.#options.ends.startOf(view);
  }

  /**
   * Takes the local ports of a container that is about to start, and until {@link settle} leaves
   * them alone whatever the engine says meanwhile. Throws `BindError`, and then nothing is taken.
   */
  async reserve(container: StartingContainer): Promise<void> {
    const { id } = container;
    this.#starting.begin(id);
    try {
      await this.#turns.idle(id);
      await this.#prepare(container);
      this.#followed.set(id, container.name);
    } catch (error) {
      this.#starting.end(id);
      throw error;
    }
  }

  /**
   * A client that has just seen a container stop may use its port for the next one, sooner than the
   * event of it is here.
   */
  async #prepare(container: StartingContainer): Promise<void> {
    const { ends } = this.#options;
    try {
      await ends.prepare(container);
    } catch (error) {
      if (!(error instanceof BindError)) throw error;
      const { reason, subject } = error;
      const others = [...this.#followed.keys()].filter((id) => id !== container.id);
      const looks = others.flatMap((id) => {
        const holds = ends.published(id)?.some(({ local }) =>
          reason === "exhausted" || local.port === subject.port
        );
        // One that is about to give its ports back does not show them any more.
        return holds ? [this.#look(id)] : this.#turns.has(id) ? [this.#turns.idle(id)] : [];
      });
      if (looks.length === 0) throw error;
      await Promise.all(looks);
      await ends.prepare(container);
    }
  }

  /**
   * The attempt to start that was announced with {@link reserve} is over: looks at the container and
   * lets its ports go live, or gives them back. It does so also when its client is gone. Throws what
   * went wrong, and then the next event or connection leads to another look.
   */
  async settle(id: string): Promise<void> {
    this.#starting.end(id);
    const { signal } = this.#closing;
    try {
      await this.#turns.run(id, async () => this.#apply(id, await this.#inspect(id, signal)));
    } catch (error) {
      if (error instanceof BindError) this.#tell(id, error);
      throw error;
    }
  }

  /** As {@link settle}, in the background: nobody waits for the outcome any more. */
  settleLater(id: string): void {
    this.#starting.end(id);
    void this.#look(id);
  }

  /** What the engine knows of a container now; nothing when there is no such container. */
  async #inspect(target: string, signal: AbortSignal): Promise<ContainerView | undefined> {
    return await inspectContainer(this.#options.engine, target, viewOfInspect, signal);
  }

  /** Removes a container that could not be started, as the engine does with `--rm`. */
  async removeUnstarted(id: string): Promise<void> {
    await removeUnstarted(
      this.#options.engine,
      id,
      await this.#inspect(id, this.#closing.signal),
    );
  }

  /** The name of a container, for messages. */
  async nameOf({ id, name }: StartingContainer): Promise<string> {
    if (name !== "") return name;
    try {
      return (await this.#inspect(id, this.#closing.signal))?.name ?? id;
    } catch {
      // The message is about something else; the id names the container too.
      return id;
    }
  }

  /** Whether `target`, a name or an id, is a container whose ports are followed. */
  isFollowed(target: string): boolean {
    const is = (id: string, name: string) =>
      target === name || (target.length >= MIN_ID && id.startsWith(target));
    for (const [id, name] of this.#followed) if (is(id, name)) return true;
    for (const { id, name, bindings } of this.#created.values()) {
      if (bindings.length > 0 && is(id, name)) return true;
    }
    return false;
  }

  /** Takes note of an event; looks again where it may have changed something. Never throws. */
  handle(event: EngineEvent): void {
    const { type, action, attributes } = event;
    const id = type === "network" ? attributes["container"] ?? "" : event.id;
    if (type === "container" && action === "destroy") this.#created.delete(id);
    const followed = this.#followed.has(id);
    if (type === "container" && action === "rename") this.#rename(id, attributes["name"] ?? "");
    else if (followed || (type === "container" && this.#mayBeOurs(action, attributes))) {
      void this.#look(id);
    }
  }

  #rename(id: string, name: string): void {
    const created = this.#created.get(id);
    if (created !== undefined) this.#created.set(id, { ...created, name });
    if (!this.#followed.has(id)) return;
    this.#followed.set(id, name);
    this.#options.ends.rename(id, name);
  }

  #mayBeOurs(action: string, attributes: Readonly<Record<string, string>>): boolean {
    return action === "start" &&
      (this.#options.ends.foreign || attributes[PORTS_LABEL] !== undefined);
  }

  /** Looks at all containers, after a connection; never rejects. */
  async lookAtAll(): Promise<void> {
    const before = [...this.#followed.keys()];
    const newer = new Set<string>();
    this.#newer.add(newer);
    try {
      const views = await this.#list();
      const seen = new Set(views.map(({ id }) => id));
      await Promise.all(views.map((view) => {
        const { id } = view;
        const isOldNews = newer.has(id) || this.#turns.has(id) || this.#starting.has(id);
        // Nor does the list tell which ports a container on the host's network exposes.
        if (isOldNews || view.request?.mode === "host") return this.#look(id);
        return this.#turns.run(id, () => this.#apply(id, view))
          .catch((error) => this.#tell(id, error));
      }));
      await Promise.all(before.filter((id) => !seen.has(id)).map((id) => this.#look(id)));
    } catch (error) {
      this.#tell("", error);
    } finally {
      this.#newer.delete(newer);
    }
  }

  async #list(): Promise<ContainerView[]> {
    const filters = this.#options.ends.foreign ? {} : { label: [PORTS_LABEL] };
    const query = new URLSearchParams({ all: "1", filters: JSON.stringify(filters) });
    const { signal } = this.#closing;
    const answer = await this.#options.engine.get(`/containers/json?${query}`, { signal });
    if (answer.status !== 200 || !Array.isArray(answer.body)) {
      throw unexpectedAnswer("the list of containers", answer);
    }
    return answer.body.flatMap((item) => viewOfListItem(item) ?? []);
  }

  /** One look, soon; never rejects. */
  #look(id: string): Promise<void> {
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) return waiting;
    const look = this.#turns.run(id, async () => {
      this.#waiting.delete(id);
      if (this.#starting.has(id)) return;
      await this.#apply(id, await this.#inspect(id, this.#closing.signal));
    }).catch((error) => this.#tell(id, error));
    this.#waiting.set(id, look);
    return look;
  }

  /** Makes the local ports follow what was seen. */
  async #apply(id: string, view: ContainerView | undefined): Promise<void> {
    const { ends } = this.#options;
    for (const newer of this.#newer) newer.add(id);
    if (view === undefined) {
      this.#created.delete(id);
      this.#blocked.delete(id);
      // Until then it is known as the one who holds them, see `#prepare`.
      await ends.forget(id);
      this.#followed.delete(id);
      return;
    }
    if (!ends.concern(view)) return;
    this.#followed.set(id, view.name);
    // Another attempt to start it has taken the ports, and will settle that itself.
    if (view.running || !this.#starting.has(id)) await ends.follow(view);
    this.#blocked.delete(id);
  }

  /**
   * A container that runs while somebody else holds its local port gets it as soon as it is free,
   * such as from an earlier agent that is about to end.
   */
  #tell(id: string, error: unknown): void {
    if (this.#closing.signal.aborted) return;
    if (!(error instanceof BindError)) {
      return this.#log.warn(`Cannot follow the ports of a container: ${describeError(error)}`);
    }
    if (!this.#blocked.has(id)) {
      const container = this.#followed.get(id) ?? id;
      this.#log.warn(`A container runs without its local ports: ${messageOf(error)}`, {
        container,
      });
    }
    clearTimeout(this.#blocked.get(id));
    this.#blocked.set(id, setTimeout(() => void this.#look(id), this.#options.retryMs ?? RETRY_MS));
  }

  /** Ends the looks under way; the listeners are closed by their owner. */
  close(): void {
    this.#closing.abort();
    for (const timer of this.#blocked.values()) clearTimeout(timer);
  }
}
