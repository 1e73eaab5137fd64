/**
 * Everything that published ports need, joined: the interceptors, the engine client of their own,
 * and the events that tell what happens to containers. Its maker closes it, then the forwarding
 * manager.
 */
import { EngineClient } from "../docker/engine_client.ts";
import { watchEvents } from "../docker/events.ts";
import type { Interceptor } from "../docker/exchange.ts";
import type { RequestedBinding } from "../forward/binding.ts";
import type { Duplex } from "../net/duplex.ts";
import { ContainerPorts, type PortForwarding } from "./container_ports.ts";
import { portLifecycle } from "./lifecycle.ts";
import type { PortPolicy } from "./port_rewrite.ts";
import { publishPorts } from "./ports.ts";
import { unrewritePorts } from "./unrewrite.ts";

/** What published ports are made of. */
export interface PublishingOptions {
  readonly policy: PortPolicy;
  /** Also forward what others have published. */
  readonly foreign: boolean;
  readonly forwarding: PortForwarding;
  /** Opens a stream to the engine for a question somebody waits for. */
  open(signal?: AbortSignal): Promise<Duplex>;
  /** As `open`, but waits as long as it takes for the remote host to be there. */
  openWhenUp(signal: AbortSignal): Promise<Duplex>;
  /** See `PublishOptions`. */
  obstacle(binding: RequestedBinding): Promise<string | undefined>;
}

/**
 * What is followed. A container that is stopped or killed dies, one that is paused keeps its ports;
 * a network that comes or goes can change the ports of a running container.
 */
const FILTERS = {
  type: ["container", "network"],
  event: ["start", "die", "destroy", "rename", "connect", "disconnect"],
};

/** See the file comment. */
export class Publishing {
  /** Outermost first. */
  readonly interceptors: readonly Interceptor[];
  readonly #ports: ContainerPorts;
  readonly #engine: EngineClient;
  readonly #options: PublishingOptions;
  readonly #closing = new AbortController();
  #watching: Promise<void> = Promise.resolve();
  #looking: Promise<void> = Promise.resolve();

  constructor(options: PublishingOptions) {
    const { policy, foreign, forwarding } = options;
    this.#options = options;
    this.#engine = new EngineClient(options.open);
    const engine = this.#engine;
    this.#ports = new ContainerPorts({ engine, forwarding, owner: policy.owner, foreign });
    const ports = this.#ports;
    this.interceptors = [
      unrewritePorts(ports),
      publishPorts({ ports, engine, policy, obstacle: options.obstacle }),
      portLifecycle(ports),
    ];
  }

  /** Begins to follow the engine: containers that run already get their ports back. */
  start(): void {
    this.#watching = watchEvents({
      filters: FILTERS,
      open: (signal) => this.#options.openWhenUp(signal),
      onConnected: () => void (this.#looking = this.#ports.lookAtAll()),
      onEvent: (event) => this.#ports.handle(event),
    }, this.#closing.signal);
  }

  /** Stops following; the local ports stay as they are. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#ports.close();
    this.#engine.close();
    await this.#watching;
    await this.#looking;
  }
}
