/**
 * Who holds which local ports. It owns every listener. Calls for one owner run one after another;
 * those for different owners do not wait for each other.
 */
import { type Emit, emitNothing } from "../agent_event.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { formatHostPort } from "../net/address.ts";
import { parseHostPort, portKey, type Protocol, type RequestedBinding } from "./binding.ts";
import type { HostPort } from "./client_listener.ts";
import { type Counters, sumOf } from "./counters.ts";
import type { ForwardInfo, ForwardKind, Published } from "./forward_info.ts";
import { type Holder, type LocalPorts } from "./local_ports.ts";
import type { Placer } from "./placement.ts";
import { PortMemory } from "./port_memory.ts";

/** A local port as every protocol has one. */
export interface Forward extends Holder {
  readonly remote: HostPort | undefined;
  readonly counters: Counters;
  activate(remote: HostPort): void;
}

/** Who asks for ports: a container, or a forward that stands for itself. */
export interface OwnerRef {
  readonly kind: ForwardKind;
  readonly id: string;
  readonly name: string;
}

/** What the owners' ports are made of. */
export interface PortOwnersOptions {
  ports: LocalPorts;
  /** Takes a port or rejects with what the system reports. */
  listen: (protocol: Protocol, local: HostPort) => Promise<Forward>;
  log: Logger;
  /** Default: nobody is told. */
  emit?: Emit;
  /** Default: ports are remembered for this run. */
  memory?: PortMemory;
}

interface Held {
  readonly requested: RequestedBinding;
  readonly forward: Forward;
  /** The same port of another address; lives and ends with it. */
  readonly twin?: Forward;
}

interface Owner extends OwnerRef {
  name: string;
  readonly bindings: readonly RequestedBinding[];
  readonly held: readonly Held[];
}

const NONE: ReadonlyMap<number, Held> = new Map();

/** See the file comment. */
export class PortOwners {
  readonly #options: Required<PortOwnersOptions>;
  readonly #memory: PortMemory;
  readonly #owners = new Map<string, Owner>();
  readonly #queues = new Map<string, Promise<void>>();
  #closed = false;

  constructor(options: PortOwnersOptions) {
    this.#options = { emit: emitNothing, memory: new PortMemory(), ...options };
    this.#memory = this.#options.memory;
  }

  /**
   * Takes all ports that are missing or none of them; what the owner holds already for one of these
   * bindings stays in any case.
   */
  reserve(
    ref: OwnerRef,
    bindings: readonly RequestedBinding[],
    place: Placer,
  ): Promise<readonly Published[]> {
    return this.#inTurn(ref.id, async () => {
      if (this.#closed) throw new Deno.errors.Interrupted("Forwarding has ended");
      const owner = this.#owners.get(ref.id);
      if (owner !== undefined) {
        owner.name = ref.name;
        if (sameBindings(owner.bindings, bindings)) return publishedOf(owner);
      }
      const kept = owner === undefined ? NONE : await this.#keep(owner, bindings);
      const { kind, id, name } = ref;
      const held = await this.#takeAll(id, bindings, place, kept).catch((error) => {
        this.#options.emit({ kind: "forward.failed", target: name, reason: messageOf(error) });
        throw error;
      });
      const fresh: Owner = { kind, id, name, bindings: [...bindings], held };
      this.#owners.set(id, fresh);
      return publishedOf(fresh);
    });
  }

  /** Says where container ports (`"80/tcp"`) are; ports that are not named stay as they are. */
  activate(id: string, remote: ReadonlyMap<string, HostPort>): void {
    const owner = this.#owners.get(id);
    for (const held of owner?.held ?? []) {
      const { requested, forward, twin } = held;
      const end = remote.get(portKey(requested));
      if (owner === undefined || end === undefined) continue;
      const isNew = forward.remote === undefined;
      forward.activate(end);
      twin?.activate(end);
      if (isNew) this.#options.emit({ kind: "forward.opened", ...endsOf(owner, held) });
    }
  }

  /** Gives the ports back and ends their connections; the ports are remembered. */
  release(id: string): Promise<void> {
    return this.#inTurn(id, async () => {
      const owner = this.#owners.get(id);
      if (owner !== undefined) await this.#drop(owner);
    });
  }

  /** As {@link release}, and the ports are not remembered. */
  async forget(id: string): Promise<void> {
    await this.release(id);
    this.#memory.forget(id);
  }

  /** The owner has another name now. */
  rename(id: string, name: string): void {
    const owner = this.#owners.get(id);
    if (owner !== undefined) owner.name = name;
  }

  /** The ports of an owner, or `undefined` if it holds none. */
  published(id: string): readonly Published[] | undefined {
    const owner = this.#owners.get(id);
    return owner && publishedOf(owner);
  }

  /** Every local port as it is now. */
  snapshot(): readonly ForwardInfo[] {
    return [...this.#owners.values()].flatMap((owner) =>
      owner.held.map((held) => infoOf(owner, held))
    );
  }

  /** Gives every port back; nothing can be reserved any more. */
  async close(): Promise<void> {
    this.#closed = true;
    const ids = new Set([...this.#queues.keys(), ...this.#owners.keys()]);
    await Promise.all([...ids].map((id) => this.release(id)));
  }

  async #takeAll(
    id: string,
    bindings: readonly RequestedBinding[],
    place: Placer,
    kept: ReadonlyMap<number, Held>,
  ): Promise<readonly Held[]> {
    const taken = new Map<number, Held>();
    // What the request leaves open comes last, so that it does not take what is asked for by number.
    const order = [...bindings.entries()].sort(([, a], [, b]) => width(a) - width(b));
    try {
      for (const [index, binding] of order) {
        if (kept.has(index)) continue;
        const held = await this.#take(id, index, binding, place);
        if (held !== undefined) taken.set(index, held);
      }
    } catch (error) {
      await Promise.all([...taken.values()].map((held) => this.#giveBack(held)));
      throw error;
    }
    return [...kept, ...taken].sort(([a], [b]) => a - b).map(([, held]) => held);
  }

  async #take(
    id: string,
    index: number,
    requested: RequestedBinding,
    place: Placer,
  ): Promise<Held | undefined> {
    const { protocol } = requested;
    const { ports, listen, log } = this.#options;
    const where = protocol === "sctp" ? undefined : place(requested);
    if (where === undefined) return undefined;
    const { host, twin, range, note } = where;
    if (note !== undefined) log.warn(note, { port: portKey(requested) });
    const isOpen = width(requested) > 1;
    const preferred = isOpen ? this.#memory.recall(id, index, requested) : undefined;
    const { holder: forward, ...rest } = await ports.take(
      { protocol, host, twin, range, preferred },
      (local) => listen(protocol, local),
    );
    if (isOpen) this.#memory.note(id, index, requested, forward.local.port);
    return { requested, forward, ...rest };
  }

  /** Gives back what is not wanted any more; returns the rest by the bindings it is for. */
  async #keep(owner: Owner, bindings: readonly RequestedBinding[]): Promise<Map<number, Held>> {
    const kept = new Map<number, Held>();
    const others: Held[] = [];
    for (const held of owner.held) {
      const index = bindings.findIndex((binding, at) =>
        !kept.has(at) && sameBindings([binding], [held.requested])
      );
      if (index < 0) others.push(held);
      else kept.set(index, held);
    }
    await this.#drop({ ...owner, held: others });
    const held = [...kept.values()];
    if (held.length > 0) {
      const requests = held.map(({ requested }) => requested);
      this.#owners.set(owner.id, { ...owner, bindings: requests, held });
    }
    return kept;
  }

  async #drop(owner: Owner): Promise<void> {
    this.#owners.delete(owner.id);
    await Promise.all(owner.held.map(async (held) => {
      await this.#giveBack(held);
      if (held.forward.remote === undefined) return;
      this.#options.emit({ kind: "forward.closed", ...endsOf(owner, held) });
    }));
  }

  async #giveBack({ requested, forward, twin }: Held): Promise<void> {
    await Promise.all([forward, twin].map(async (each) => {
      if (each === undefined) return;
      await each.close();
      this.#options.ports.give(requested.protocol, each.local);
    }));
  }

  /** Runs `work` after everything that was asked for the same owner before. */
  #inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(id) ?? Promise.resolve();
    const run = before.then(work);
    const settled = run.then(() => {}, () => {}).then(() => {
      if (this.#queues.get(id) === settled) this.#queues.delete(id);
    });
    this.#queues.set(id, settled);
    return run;
  }
}

/** Both ends of a port, for people. */
function endsOf({ kind, name }: Owner, { requested, forward: { local } }: Held) {
  const { protocol } = requested;
  return {
    local: `${formatHostPort(local.host, local.port)}/${protocol}`,
    target: kind === "plain" ? name : `${name}:${portKey(requested)}`,
  };
}

function infoOf({ kind, id, name }: Owner, { requested, forward, twin }: Held): ForwardInfo {
  const { local, remote } = forward;
  const { open, total, sent, received } = sumOf(forward.counters, twin?.counters);
  return {
    kind,
    container: { id, name },
    requested,
    protocol: requested.protocol,
    local,
    ...(twin === undefined ? {} : { twin: twin.local }),
    remote,
    state: remote === undefined ? "reserved" : "live",
    connections: { open, total },
    bytes: { sent, received },
  };
}

function publishedOf({ held }: Owner): readonly Published[] {
  return held.flatMap(({ requested, forward, twin }) =>
    [forward, ...(twin === undefined ? [] : [twin])].map(({ local }) => ({ requested, local }))
  );
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
