/**
 * Everything that bind mounts need, joined: the interceptors, the engine client of their own, and the
 * events that tell what happens to containers. Its maker closes it, then the sync manager.
 */
import { EngineClient } from "../../docker/engine_client.ts";
import type { Interceptor } from "../../docker/exchange.ts";
import type { Duplex } from "../../net/duplex.ts";
import type { Platform } from "../../sync/core/path_map.ts";
import type { ReportSync } from "../../sync/sync_report.ts";
import type { BindSync, SyncMode } from "../../sync/types.ts";
import { Following } from "../following.ts";
import { type AskHolder, BindBarrier } from "./barrier.ts";
import { ContainerBinds } from "./container_binds.ts";
import { bindMounts } from "./create.ts";
import { bindLifecycle } from "./lifecycle.ts";
import type { BindRule } from "./rules.ts";
import type { BindFiles } from "./sources.ts";
import { unrewriteBinds } from "./unrewrite.ts";

/** What bind mounts are made of. */
export interface BindMountsOptions {
  readonly sync: BindSync;
  /** Whose containers are followed; see `ownerId`. */
  readonly owner: string;
  /** The user's before ours. */
  readonly rules: readonly BindRule[];
  readonly platform: Platform;
  readonly files: BindFiles;
  /** The engine's socket as its host names it; nothing if it has none. */
  readonly engineSocket: string | undefined;
  /** See `BindOptions`. */
  readonly mode?: SyncMode;
  readonly report: ReportSync;
  /** See `BindBarrierOptions`. */
  readonly askHolder?: AskHolder;
  /** Opens a stream to the engine for a question somebody waits for. */
  open(signal?: AbortSignal): Promise<Duplex>;
  /** As `open`, but waits as long as it takes for the remote host to be there. */
  openWhenUp(signal: AbortSignal): Promise<Duplex>;
}

/**
 * What is followed; a container that is stopped or killed dies. Whose it is, its labels tell: Podman
 * passes no event where a label is asked for without its value.
 */
const FILTERS = { type: ["container"], event: ["start", "die", "destroy", "rename"] };

/** See the file comment. */
export class BindMounts {
  /** Outermost first. */
  readonly interceptors: readonly Interceptor[];
  readonly #options: BindMountsOptions;
  readonly #engine: EngineClient;
  readonly #barrier: BindBarrier;
  readonly #containers: ContainerBinds;
  readonly #following = new Following();

  constructor(options: BindMountsOptions) {
    this.#options = options;
    const { sync, owner } = options;
    const engine = this.#engine = new EngineClient(options.open);
    const barrier = this.#barrier = new BindBarrier(options);
    const containers = this.#containers = new ContainerBinds({
      engine,
      sync,
      owner,
      bringHome: (container) => barrier.settle(container),
    });
    this.interceptors = [
      unrewriteBinds({ containers, sync, platform: options.platform }),
      bindMounts({ ...options, containers }),
      bindLifecycle({ containers, barrier }),
    ];
  }

  /** Begins to follow the engine: the folders of containers that run already are watched again. */
  start(): void {
    const open = (signal: AbortSignal) => this.#options.openWhenUp(signal);
    this.#following.start(this.#containers, { filters: FILTERS, open });
  }

  /** Stops following and waiting; the sessions stay as they are. */
  async close(): Promise<void> {
    const following = this.#following.close();
    this.#barrier.close();
    const steps = this.#containers.close();
    this.#engine.close();
    await steps;
    await following;
  }
}
