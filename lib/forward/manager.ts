/**
 * All local ports that lead to the remote host: those of containers, which are taken before the
 * container starts, lead somewhere once it runs and are given back when it stops, and those the user
 * has written down. It owns every listener, every connection through one, and the relay for UDP.
 */
import { type Emit, emitNothing } from "../agent_event.ts";
import { type Logger, logger } from "../log.ts";
import { DEFAULT_PUBLISH_ADDRESS } from "./address.ts";
import { BindError } from "./bind_error.ts";
import { portKey, type Protocol, type RequestedBinding } from "./binding.ts";
import type { HostPort } from "./client_listener.ts";
import type { ForwardInfo, Published } from "./forward_info.ts";
import { LocalPorts } from "./local_ports.ts";
import {
  containerPlacer,
  type ContainerRef,
  literalPlace,
  type Placer,
  publishedAddress,
} from "./placement.ts";
import type { PlainForward } from "./plain.ts";
import { PortFiles } from "./port_files.ts";
import { PortMemory } from "./port_memory.ts";
import { type Forward, PortOwners } from "./port_owners.ts";
import type { PortRule } from "./rules.ts";
import { listenTcp, type OpenStream } from "./tcp_listener.ts";
import { listenUdp } from "./udp/listener.ts";
import { type OpenDatagrams, TunnelUdp } from "./udp/tunnel.ts";
import { type FindShell, type UdpCarrier, UdpRelay } from "./udp/relay.ts";

/** What a manager is made of; all but `open` have defaults. */
export interface ForwardingOptions {
  /** Opens a stream to the remote host; see {@link OpenStream}. */
  open: OpenStream;
  /** Finds a shell on the remote host, for UDP. Default: there is none. */
  findShell?: FindShell;
  /** Opens a flow of datagrams where the transport carries them; see `Transport.openDatagrams`. */
  openDatagrams?: OpenDatagrams;
  /** Default: 127.0.0.1. */
  publishAddress?: string;
  rules?: readonly PortRule[];
  /** Names local ports that are never taken, such as those the agent itself listens on. */
  guarded?: (local: HostPort) => boolean;
  /** How long clients wait for a container to start. Default: 10,000 ms. */
  waitMs?: number;
  /** Where ports that were chosen here are kept. Default: they are remembered for this run. */
  portsFolder?: string;
  log?: Logger;
  /** Is told of ports that open, close or cannot be had. Default: nobody is told. */
  emit?: Emit;
}

const DEFAULT_WAIT_MS = 10_000;

/** See the file comment. */
export class ForwardingManager {
  readonly #options: Required<Omit<ForwardingOptions, "openDatagrams" | "portsFolder">>;
  readonly #owners: PortOwners;
  readonly #udp: UdpCarrier;

  constructor(options: ForwardingOptions) {
    this.#options = {
      findShell: () => Promise.resolve(undefined),
      publishAddress: DEFAULT_PUBLISH_ADDRESS,
      rules: [],
      guarded: () => false,
      waitMs: DEFAULT_WAIT_MS,
      log: logger("forward"),
      emit: emitNothing,
      ...options,
    };
    const { findShell, guarded, log, emit } = this.#options;
    const { openDatagrams, portsFolder } = options;
    const files = portsFolder === undefined ? undefined : new PortFiles(portsFolder, log);
    this.#udp = openDatagrams === undefined
      ? new UdpRelay(findShell, log)
      : new TunnelUdp(openDatagrams, log);
    this.#owners = new PortOwners({
      ports: new LocalPorts(guarded),
      listen: (protocol, local) => this.#listen(protocol, local),
      log,
      emit,
      memory: new PortMemory(files),
    });
  }

  /**
   * Takes all local ports of a container before it starts; all or nothing. A container that already
   * holds them keeps them; one that held them before gets the same free-to-choose ports back unless
   * somebody else has them. Bindings which a rule ignores, and SCTP, are left out of the answer.
   * Clients that connect before {@link activate} wait. Throws `BindError`.
   */
  reserve(
    container: ContainerRef,
    bindings: readonly RequestedBinding[],
  ): Promise<readonly Published[]> {
    const { id, name } = container;
    const place = this.#placerOf(container);
    return this.#owners.reserve({ kind: "published", id, name }, bindings, place);
  }

  /**
   * Says where each container port (`"80/tcp"`) is on the remote host; its local ports go live before
   * this returns. May be called again when the ports have changed; open connections stay.
   */
  activate(id: string, remote: ReadonlyMap<string, HostPort>): void {
    this.#owners.activate(id, remote);
  }

  /** Gives the ports back and ends their connections; the ports are remembered. */
  release(id: string): Promise<void> {
    return this.#owners.release(id);
  }

  /** As {@link release}, for a container that is gone for good. */
  forget(id: string): Promise<void> {
    return this.#owners.forget(id);
  }

  /** The container has another name now. */
  rename(id: string, name: string): void {
    this.#owners.rename(id, name);
  }

  /** The local ports of a container, or `undefined` if it holds none now. */
  published(id: string): readonly Published[] | undefined {
    return this.#owners.published(id);
  }

  /** Every local port as it is now. */
  snapshot(): readonly ForwardInfo[] {
    return this.#owners.snapshot();
  }

  /**
   * Forwards a TCP port that a container on the host's own network listens on: from the same port
   * here, or from any free one when that is taken. `undefined` when a rule leaves it alone. It is
   * released by `id`. Throws `BindError` when there is no port at all.
   */
  async addHostPort(
    id: string,
    container: ContainerRef,
    remote: HostPort,
  ): Promise<Published | undefined> {
    const ref = { kind: "host", id, name: container.name } as const;
    const place = this.#placerOf(container);
    const attempt = (hostPort: string) =>
      this.#owners.reserve(
        ref,
        [{ containerPort: remote.port, protocol: "tcp", hostIp: "", hostPort }],
        place,
      );
    const [published] = await attempt(`${remote.port}`).catch((error) => {
      if (error instanceof BindError) return attempt("");
      throw error;
    });
    this.activate(id, new Map([[`${remote.port}/tcp`, remote]]));
    return published;
  }

  /** Opens a forward the user has written down. Throws `BindError`. */
  async addPlain(forward: PlainForward): Promise<Published> {
    const { text, requested, remote } = forward;
    const ref = { kind: "plain", id: `plain ${text}`, name: text } as const;
    const [published] = await this.#owners.reserve(ref, [requested], literalPlace);
    if (published === undefined) throw new Error("A plain forward is never left alone");
    this.activate(ref.id, new Map([[portKey(requested), remote]]));
    return published;
  }

  /**
   * What the user should know about a request, for the `Warnings` of the reply to create: ports
   * that will not be reached, and addresses that are not the ones asked for. Asks the remote host only
   * about UDP. Never rejects.
   */
  async warnings(bindings: readonly RequestedBinding[]): Promise<string[]> {
    const protocols = new Set(bindings.map(({ protocol }) => protocol));
    const reason = protocols.has("udp") ? await this.#udp.unavailable() : undefined;
    const lines = bindings.flatMap((binding) => {
      const port = `Published port ${portKey(binding)}`;
      if (binding.protocol === "sctp") {
        return [`${port} cannot be reached from here: SCTP is not forwarded`];
      }
      if (binding.protocol === "udp" && reason !== undefined) {
        return [`${port} cannot be reached from here: ${reason}`];
      }
      const { note } = publishedAddress(binding.hostIp, this.#options.publishAddress);
      return note === undefined ? [] : [`${port}: ${note}`];
    });
    return [...new Set(lines)];
  }

  /** Gives every port back and ends every connection. */
  async close(): Promise<void> {
    await this.#owners.close();
    await this.#udp.close();
  }

  #placerOf(container: ContainerRef): Placer {
    return containerPlacer(container, this.#options.rules, this.#options.publishAddress);
  }

  #listen(protocol: Protocol, local: HostPort): Promise<Forward> {
    return protocol === "udp"
      ? listenUdp(local, { relay: this.#udp, log: this.#options.log })
      : listenTcp(local, this.#options);
  }
}
