/**
 * The part of the composition root that is about one remote host: its listeners, the way to it, and all
 * that is done on the way. Whoever starts a host shuts it down; hosts know nothing of each other.
 */
import type { Emit } from "../agent_event.ts";
import type { Bridge, BridgeInfo } from "../bridge/bridge.ts";
import type { HostSettings } from "../config/configuration.ts";
import { sharedOwnerId } from "../config/owner.ts";
import { describeRemote } from "../config/settings/settings.ts";
import type { Interceptor } from "../docker/exchange.ts";
import { describeError } from "../errors.ts";
import type { ForwardInfo } from "../forward/forward_info.ts";
import type { ReverseInfo } from "../forward/reverse.ts";
import type { ForwardingManager } from "../forward/manager.ts";
import { Gate } from "../hosts/gate.ts";
import { dump } from "../intercept/dump.ts";
import type { Reversing } from "../intercept/reversing.ts";
import { resume } from "../intercept/resume/resume.ts";
import { listen } from "../listen/listen.ts";
import type { Listener } from "../listen/listener.ts";
import { logger } from "../log.ts";
import { formatDockerHost, parseListenAddress } from "../net/address.ts";
import { HostWatch } from "../ops/sources/host_watch.ts";
import type { EventLog } from "../ops/event_log.ts";
import type { Metrics } from "../ops/metrics/metrics.ts";
import type { HostStatus } from "../ops/sources/source.ts";
import { TellingObserver } from "../ops/metrics/telling_observer.ts";
import { tellOfTransport } from "../ops/transport_events.ts";
import type { ProxyObserver } from "../proxy/observer.ts";
import { Proxy } from "../proxy/proxy.ts";
import type { SyncManager } from "../sync/manager.ts";
import type { Secrets } from "../transport/ssh/auth/secrets.ts";
import { Supervisor } from "../transport/supervisor.ts";
import { type Binding, bindInterceptors, makeBinding } from "./binds.ts";
import { makeBridge } from "./bridge.ts";
import {
  makeForwarding,
  makeHostPorts,
  makePublishing,
  makeReversing,
  openForwards,
} from "./ports.ts";
import { limitsOf } from "./reach.ts";
import { makeDirectory, serve } from "./serve.ts";
import { connect, connectorOf, makeOnTheWay } from "./transport.ts";

/** What all hosts of one program have together. */
export interface HostRecord {
  readonly metrics: Metrics;
  readonly events: EventLog;
  /** Absent: a host has its own. */
  readonly secrets?: Secrets;
}

/** How a host is started. */
export interface HostOptions extends HostRecord {
  /** Serve clients at once and connect in the background; otherwise a start fails if it cannot. */
  readonly isPatient: boolean;
}

/** See the file comment. */
export class Host {
  readonly settings: HostSettings;
  readonly #options: HostOptions;
  readonly #supervisor: Supervisor;
  readonly #watch: HostWatch;
  readonly #emit: Emit;
  readonly #observer: ProxyObserver;
  readonly #cleanup: (() => Promise<void>)[] = [];
  #listeners: Listener[] = [];
  #forwarding: ForwardingManager | undefined;
  #proxy: Proxy | undefined;
  #binding: Binding | undefined;
  #bridge: Bridge | undefined;
  #reversing: Reversing | undefined;
  #isClosing = false;

  constructor(settings: HostSettings, options: HostOptions) {
    this.settings = settings;
    this.#options = options;
    this.#supervisor = new Supervisor({ connect: connectorOf(settings, options.secrets) });
    this.#watch = new HostWatch(describeRemote(settings), this.#supervisor, settings.name);
    this.#emit = options.events.emitter(settings.name);
    this.#observer = new TellingObserver(options.metrics, this.#emit);
  }

  /**
   * Takes its addresses and serves clients; unless it is patient, the engine has answered by then.
   * Throws `AgentError`, and then nothing is left behind; so does an abort.
   */
  async start(signal: AbortSignal): Promise<void> {
    try {
      await this.#start(signal);
    } catch (error) {
      await this.#undo();
      throw error;
    }
  }

  /** Stops accepting, lets requests finish for up to `timeoutMs`, then closes everything. */
  async shutdown(timeoutMs: number): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    await this.#proxy?.shutdown(timeoutMs);
    await this.#undo();
  }

  /** Settles, with the reason, only if it cannot go on. */
  get failed(): Promise<Error> {
    return this.#supervisor.failed;
  }

  /** Where it listens, as values of `DOCKER_HOST`. */
  get addresses(): readonly string[] {
    return this.#listeners.map(({ dockerHost }) => dockerHost);
  }

  /** How the connection is. */
  status(): HostStatus {
    return this.#watch.status();
  }

  /** Brings the round trip up to date; never rejects. */
  measure(): Promise<void> {
    return this.#watch.measure();
  }

  /** Calls `listener` after every change of the connection. */
  onChange(listener: () => void): void {
    this.#supervisor.onChange(listener);
  }

  /** Why its clients are not served; `undefined` while they are. */
  notReady(): string | undefined {
    if (this.#isClosing) return "The program is shutting down";
    const { name, state } = this.status();
    if (state === "idle") return undefined;
    if (state !== "up") return `${name} is not connected`;
    return this.#proxy === undefined ? "The program is starting" : undefined;
  }

  /** Clients that wait for their turn. */
  get waiting(): number {
    return this.#proxy?.waiting ?? 0;
  }

  /** Its local ports. */
  forwards(): readonly ForwardInfo[] {
    return this.#forwarding?.snapshot() ?? [];
  }

  /** The addresses of its bridge into the network behind it. */
  bridges(): readonly BridgeInfo[] {
    return this.#bridge?.snapshot() ?? [];
  }

  /** Ports of this machine for containers. */
  reverses(): readonly ReverseInfo[] {
    return this.#reversing?.snapshot() ?? [];
  }

  /** Its synced folders, where there are any. */
  get sync(): SyncManager | undefined {
    return this.#binding?.sync;
  }

  /** Whether somebody uses it now: clients, connections over its ports, containers that need us. */
  get isInUse(): boolean {
    if ((this.#proxy?.connections ?? 0) > 0 || this.waiting > 0) return true;
    if ((this.sync?.attached().length ?? 0) > 0) return true;
    const others = [...this.bridges(), ...this.reverses()];
    if (others.some(({ connections }) => connections.open > 0)) return true;
    return this.forwards().some(({ kind, connections }) =>
      kind !== "plain" || connections.open > 0
    );
  }

  async #start(signal: AbortSignal): Promise<void> {
    const supervisor = this.#supervisor;
    await this.#listen();
    this.#cleanup.push(() => supervisor.close());
    this.#cleanup.push(() => Promise.resolve(this.#watch.close()));
    const forget = tellOfTransport(supervisor, describeRemote(this.settings), this.#emit);
    this.#cleanup.push(() => Promise.resolve(forget()));
    if (this.#options.isPatient) supervisor.begin(this.settings);
    else await connect(supervisor, this.settings, signal);
    // What a gateway or a guest can do is known when it is connected.
    if (this.settings.transport !== "ssh" && supervisor.live === undefined) this.#serveLater();
    else {
      const proxy = await this.#assemble(signal);
      for (const listener of this.#listeners) serve(listener, () => proxy);
    }
  }

  /** Makes all that is done on the way of requests. */
  async #assemble(signal: AbortSignal): Promise<Proxy> {
    const { settings } = this;
    const ownerId = sharedOwnerId(settings.stateFolder);
    const [cleanup, supervisor, emit] = [this.#cleanup, this.#supervisor, this.#emit];
    const listeners = this.#listeners;
    const forwarding = this.#forwarding = makeForwarding(settings, supervisor, listeners, emit);
    cleanup.push(() => forwarding.close());
    await openForwards(settings, { forwarding, limits: limitsOf(supervisor) });
    const hostPorts = makeHostPorts(settings, supervisor, forwarding);
    cleanup.push(() => hostPorts.close());
    const ports = { forwarding, hostPorts, ownerId };
    const publishing = await makePublishing(settings, supervisor, ports);
    cleanup.push(async () => await publishing?.close());
    const reversing = this.#reversing = makeReversing(settings, supervisor);
    cleanup.push(() => reversing.close());
    const binding = this.#binding = await makeBinding(settings, supervisor, { emit, ownerId });
    cleanup.push(() => Promise.resolve(binding?.engine.close()));
    cleanup.push(async () => await binding?.sync.close());
    cleanup.push(async () => await binding?.mounts.close());
    const bridge = this.#bridge = await makeBridge(settings, supervisor, emit);
    cleanup.push(async () => await bridge?.close());
    const onTheWay = makeOnTheWay(settings, supervisor);
    cleanup.push(() => Promise.resolve(onTheWay.close()));
    const interceptors = [
      ...publishing?.interceptors ?? [],
      ...reversing.interceptors,
      ...await bindInterceptors(settings, binding),
      ...onTheWay.interceptors,
      resume(() => supervisor.live),
    ];
    signal.throwIfAborted();
    const proxy = this.#proxy = this.#makeProxy(interceptors);
    publishing?.start();
    reversing.start();
    binding?.mounts.start();
    return proxy;
  }

  /** Accepts clients at once, and serves them when it is known how. */
  #serveLater(): void {
    const { mode, limits, reconnectWaitMs: waitMs } = this.settings;
    const supervisor = this.#supervisor;
    const closing = new AbortController();
    const gate = new Gate({
      mode,
      limits,
      observer: this.#observer,
      connected: () => supervisor.ready({ waitMs, signal: closing.signal }),
      assemble: () => this.#assemble(closing.signal),
    });
    this.#cleanup.push(() => {
      closing.abort();
      return gate.close();
    });
    const forget = supervisor.onChange(() => {
      if (supervisor.live === undefined) return;
      forget();
      gate.open().catch((error) => {
        if (!closing.signal.aborted) logger("hosts").error(`Cannot serve: ${describeError(error)}`);
      });
    });
    for (const listener of this.#listeners) serve(listener, () => gate.proxy());
  }

  async #listen(): Promise<void> {
    const { allowRemoteClients, tls, name } = this.settings;
    for (const text of this.settings.listen) {
      const address = parseListenAddress(text);
      if (name !== undefined) await makeDirectory(address);
      const listener = await listen(address, { allowRemoteClients, ...(tls && { tls }) });
      this.#cleanup.push(() => listener.close());
      this.#listeners.push(listener);
      if (address.kind === "tcp" && address.hostImplied) {
        logger("listen").info(`"${text}" names no host: taken as ${formatDockerHost(address)}`);
      }
    }
  }

  #makeProxy(interceptors: readonly Interceptor[]): Proxy {
    const { settings } = this;
    const supervisor = this.#supervisor;
    const proxy = new Proxy({
      mode: settings.mode,
      warm: settings.warmConnections,
      interceptors: settings.dump ? [dump, ...interceptors] : interceptors,
      limits: settings.limits,
      observer: this.#observer,
      mayDrop: () => supervisor.live?.streams?.endSilently === true,
      open: (lane, signal) =>
        supervisor.open({ kind: "docker" }, {
          lane,
          waitMs: settings.reconnectWaitMs,
          ...(signal && { signal }),
        }),
    });
    const warmUp = () => void (supervisor.live && proxy.warmUp());
    supervisor.onChange(warmUp);
    warmUp();
    return proxy;
  }

  async #undo(): Promise<void> {
    for (const step of this.#cleanup.splice(0).reverse()) await step();
  }
}
