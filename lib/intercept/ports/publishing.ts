/**
 * Everything that published ports need, joined: the interceptors, the engine client of their own,
 * and the events that tell what happens to containers. Its maker closes it, then the forwarding
 * manager.
 */
import { EngineClient } from "../../docker/engine_client.ts";
import type { Interceptor } from "../../docker/exchange.ts";
import type { RequestedBinding } from "../../forward/binding.ts";
import type { Obstacle } from "../../forward/udp/tunnel.ts";
import type { Duplex } from "../../net/duplex.ts";
import { Following } from "../following.ts";
import { ContainerPorts } from "./container_ports.ts";
import { publishPorts } from "./create.ts";
import { portLifecycle } from "./lifecycle.ts";
import { LocalEnds, type LocalEndsOptions, type PortForwarding } from "./local_ends.ts";
import { portsUnless } from "./out_of_reach.ts";
import type { PortPolicy } from "./rewrite.ts";
import { unrewritePorts } from "./unrewrite.ts";

/** What published ports are made of. */
export interface PublishingOptions {
  readonly policy: PortPolicy;
  /** Also forward what others have published. */
  readonly foreign: boolean;
  readonly forwarding: PortForwarding;
  readonly hostPorts: LocalEndsOptions["hostPorts"];
  /** Asked at each creation, where there may be nothing but the engine. */
  readonly obstacle?: Obstacle;
  /** Opens a stream to the engine for a question somebody waits for. */
  open(signal?: AbortSignal): Promise<Duplex>;
  /** As `open`, but waits as long as it takes for the remote host to be there. */
  openWhenUp(signal: AbortSignal): Promise<Duplex>;
  /** See `PublishOptions`. */
  warnings(bindings: readonly RequestedBinding[]): Promise<string[]>;
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
  readonly #following = new Following();

  constructor(options: PublishingOptions) {
    const { policy, foreign, forwarding, hostPorts, obstacle } = options;
    this.#options = options;
    this.#engine = new EngineClient(options.open);
    const engine = this.#engine;
    const ends = new LocalEnds({ forwarding, hostPorts, owner: policy.owner, foreign });
    const ports = new ContainerPorts({ engine, ends });
    this.#ports = ports;
    const publish = publishPorts({ ports, engine, policy, warnings: options.warnings });
    this.interceptors = [
      unrewritePorts({
        owner: policy.owner,
        foreign,
        published: (id) => ends.published(id),
        isFollowed: (target) => ports.isFollowed(target),
      }),
      obstacle === undefined ? publish : portsUnless(obstacle, publish),
      portLifecycle(ports, engine),
    ];
  }

  /** Begins to follow the engine: containers that run already get their ports back. */
  start(): void {
    const open = (signal: AbortSignal) => this.#options.openWhenUp(signal);
    this.#following.start(this.#ports, { filters: FILTERS, open });
  }

  /** Stops following; the local ports stay as they are. */
  async close(): Promise<void> {
    const following = this.#following.close();
    this.#ports.close();
    this.#engine.close();
    await following;
  }
}
