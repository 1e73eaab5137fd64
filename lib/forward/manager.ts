/**
 * All local ports that lead to the remote host, owned per container: they are taken before the
 * container starts, lead somewhere once it runs, and are given back when it stops. It owns every
 * listener and every connection through one.
 *
 * Calls for one container run one after another; calls for different containers do not wait for each
 * other.
 */
import { type Logger, logger } from "../log.ts";
import { DEFAULT_PUBLISH_ADDRESS, isAddressOfThisMachine, localAddress } from "./address.ts";
import { parseHostPort, portKey, type Protocol, type RequestedBinding } from "./binding.ts";
import type { Counters } from "./counters.ts";
import { type Holder, LocalPorts } from "./local_ports.ts";
import { PortMemory } from "./port_memory.ts";
import { decide, type PortAction, type PortRule } from "./rules.ts";
import { type HostPort, listenTcp, type OpenStream } from "./tcp_listener.ts";

export { BindError } from "./bind_error.ts";
export type { Protocol, RequestedBinding } from "./binding.ts";

/** A binding with the local address that really listens. */
export interface Published {
  readonly requested: RequestedBinding;
  readonly local: HostPort;
}

/** The container ports are taken for; image and labels are what rules can ask about. */
export interface ContainerRef {
  readonly id: string;
  readonly name: string;
  readonly image?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** One local port, for people and metrics. A copy: it does not change. */
export interface ForwardInfo {
  readonly container: { readonly id: string; readonly name: string };
  readonly requested: RequestedBinding;
  readonly protocol: Protocol;
  readonly local: HostPort;
  readonly remote: HostPort | undefined;
  /** `reserved`: taken, but the container has not started yet. */
  readonly state: "reserved" | "live";
  readonly connections: { readonly open: number; readonly total: number };
  readonly bytes: { readonly sent: number; readonly received: number };
}

/** What a manager is made of; all but `open` have defaults. */
export interface ForwardingOptions {
  /** Opens a stream to the remote host; see {@link OpenStream}. */
  open: OpenStream;
  /** Default: 127.0.0.1. */
  publishAddress?: string;
  rules?: readonly PortRule[];
  /** Names local ports that are never taken, such as those the agent itself listens on. */
  guarded?: (local: HostPort) => boolean;
  /** How long clients wait for a container to start. Default: 10,000 ms. */
  waitMs?: number;
  log?: Logger;
}

const DEFAULT_WAIT_MS = 10_000;

/** A local port as every protocol has one. */
interface Forward extends Holder {
  readonly remote: HostPort | undefined;
  readonly counters: Counters;
  activate(remote: HostPort): void;
}

interface Held extends Published {
  readonly forward: Forward;
}

interface Owner {
  id: string;
  name: string;
  bindings: readonly RequestedBinding[];
  held: readonly Held[];
}

/** See the file comment. */
export class ForwardingManager {
  readonly #options: Required<ForwardingOptions>;
  readonly #ports: LocalPorts;
  readonly #memory = new PortMemory();
  readonly #owners = new Map<string, Owner>();
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(options: ForwardingOptions) {
    this.#options = {
      publishAddress: DEFAULT_PUBLISH_ADDRESS,
      rules: [],
      guarded: () => false,
      waitMs: DEFAULT_WAIT_MS,
      log: logger("forward"),
      ...options,
    };
    this.#ports = new LocalPorts(this.#options.guarded);
  }

  /**
   * Takes all local ports of a container before it starts; all or nothing. A container that already
   * holds them keeps them; one that held them before gets the same free-to-choose ports back unless
   * somebody else has them. Bindings which a rule ignores are left out of the answer. Clients that
   * connect before {@link activate} wait. Throws `BindError`.
   */
  reserve(
    container: ContainerRef,
    bindings: readonly RequestedBinding[],
  ): Promise<readonly Published[]> {
    return this.#inTurn(container.id, async () => {
      const owner = this.#owners.get(container.id);
      if (owner !== undefined) {
        owner.name = container.name;
        if (sameBindings(owner.bindings, bindings)) return publishedOf(owner);
        await this.#drop(owner);
      }
      const held = await this.#takeAll(container, bindings);
      const fresh = { id: container.id, name: container.name, bindings: [...bindings], held };
      this.#owners.set(container.id, fresh);
      return publishedOf(fresh);
    });
  }

  /**
   * Says where each container port (`"80/tcp"`) is on the remote host; its local ports go live before
   * this returns. May be called again when the ports have changed; open connections stay.
   */
  activate(id: string, remote: ReadonlyMap<string, HostPort>): void {
    for (const { requested, forward } of this.#owners.get(id)?.held ?? []) {
      const end = remote.get(portKey(requested));
      if (end !== undefined) forward.activate(end);
    }
  }

  /** Gives the ports back and ends their connections; the ports are remembered. */
  release(id: string): Promise<void> {
    return this.#inTurn(id, async () => {
      const owner = this.#owners.get(id);
      if (owner !== undefined) await this.#drop(owner);
    });
  }

  /** As {@link release}, for a container that is gone for good. */
  async forget(id: string): Promise<void> {
    await this.release(id);
    this.#memory.forget(id);
  }

  /** The container has another name now. */
  rename(id: string, name: string): void {
    const owner = this.#owners.get(id);
    if (owner !== undefined) owner.name = name;
  }

  /** The local ports of a container, or `undefined` if it holds none now. */
  published(id: string): readonly Published[] | undefined {
    const owner = this.#owners.get(id);
    return owner && publishedOf(owner);
  }

  /** Every local port as it is now. */
  snapshot(): readonly ForwardInfo[] {
    return [...this.#owners.values()].flatMap(({ id, name, held }) =>
      held.map(({ requested, local, forward: { remote, counters } }): ForwardInfo => ({
        container: { id, name },
        requested,
        protocol: requested.protocol,
        local,
        remote,
        state: remote === undefined ? "reserved" : "live",
        connections: { open: counters.open, total: counters.total },
        bytes: { sent: counters.sent, received: counters.received },
      }))
    );
  }

  /** Gives every port back and ends every connection. */
  async close(): Promise<void> {
    await Promise.all([...this.#queues.keys()].map((id) => this.release(id)));
    await Promise.all([...this.#owners.keys()].map((id) => this.release(id)));
  }

  async #takeAll(
    container: ContainerRef,
    bindings: readonly RequestedBinding[],
  ): Promise<readonly Held[]> {
    const taken = new Map<number, Held>();
    // What the request leaves open comes last, so that it does not take what is asked for by number.
    const order = [...bindings.entries()].sort(([, a], [, b]) => width(a) - width(b));
    try {
      for (const [index, binding] of order) {
        const held = await this.#take(container, index, binding);
        if (held !== undefined) taken.set(index, held);
      }
    } catch (error) {
      await Promise.all([...taken.values()].map((held) => this.#giveBack(held)));
      throw error;
    }
    return [...taken].sort(([a], [b]) => a - b).map(([, held]) => held);
  }

  async #take(
    container: ContainerRef,
    index: number,
    requested: RequestedBinding,
  ): Promise<Held | undefined> {
    const { protocol } = requested;
    const action = this.#actionFor(container, requested);
    if (action.ignore || protocol !== "tcp") return undefined;
    const { host, note } = this.#addressFor(action.address ?? requested.hostIp);
    if (note !== undefined) this.#options.log.warn(note, { container: container.name });
    const range = action.localPort === undefined
      ? parseHostPort(requested.hostPort)
      : { first: action.localPort, last: action.localPort };
    const forward = await this.#ports.take<Forward>(
      protocol,
      host,
      range,
      this.#memory.recall(container.id, index, requested),
      (local) => listenTcp(local, this.#options),
    );
    const { local } = forward;
    if (width(requested) > 1) this.#memory.note(container.id, index, requested, local.port);
    return { requested, local, forward };
  }

  #actionFor(container: ContainerRef, requested: RequestedBinding): PortAction {
    return decide(this.#options.rules, {
      container: container.name,
      image: container.image ?? "",
      labels: container.labels ?? {},
      containerPort: requested.containerPort,
      protocol: requested.protocol,
    });
  }

  #addressFor(hostIp: string) {
    const { publishAddress } = this.#options;
    return localAddress(hostIp, { publishAddress, isLocal: isAddressOfThisMachine });
  }

  async #drop(owner: Owner): Promise<void> {
    this.#owners.delete(owner.id);
    await Promise.all(owner.held.map((held) => this.#giveBack(held)));
  }

  async #giveBack({ requested, forward }: Held): Promise<void> {
    await forward.close();
    this.#ports.give(requested.protocol, forward.local);
  }

  /** Runs `work` after everything that was asked for the same container before. */
  #inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(id) ?? Promise.resolve();
    const run = before.then(work, work);
    const settled = run.then(() => {}, () => {}).then(() => {
      if (this.#queues.get(id) === settled) this.#queues.delete(id);
    });
    this.#queues.set(id, settled);
    return run;
  }
}

function publishedOf({ held }: Owner): readonly Published[] {
  return held.map(({ requested, local }) => ({ requested, local }));
}

/** How many local ports would do: 1 for a given one. */
function width({ hostPort }: RequestedBinding): number {
  const { first, last } = parseHostPort(hostPort);
  return first === 0 ? 65536 : last - first + 1;
}

function sameBindings(a: readonly RequestedBinding[], b: readonly RequestedBinding[]): boolean {
  const texts = (list: readonly RequestedBinding[]) =>
    list.map((binding) => `${portKey(binding)} ${binding.hostIp} ${binding.hostPort}`).sort();
  return texts(a).join("\n") === texts(b).join("\n");
}
