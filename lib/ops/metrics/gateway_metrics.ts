/** What a gateway has counted since it began, beside what every proxy counts. */
import { type GatewayObserver, type RefusalKind, REFUSALS } from "../../gateway/observer.ts";
import type { GatewayCounts, HostCounts } from "../sources/source.ts";
import { Metrics } from "./metrics.ts";

/** Hosts that are counted; a gateway that is told of others again and again keeps the first ones. */
const MAX_HOSTS = 10_000;

/** See the file comment. */
export class GatewayMetrics extends Metrics implements GatewayObserver, GatewayCounts {
  readonly #refusals = new Map<RefusalKind, number>(REFUSALS.map((kind) => [kind, 0]));
  readonly #hosts = new Map<string, HostCounts & { byClass: Map<string, number> }>();

  refused(kind: RefusalKind): void {
    this.#refusals.set(kind, (this.#refusals.get(kind) ?? 0) + 1);
  }

  hostEntered(host: string): void {
    this.#change(host, (counts) => counts.connections++);
  }

  hostLeft(host: string): void {
    this.#change(host, (counts) => counts.connections--);
  }

  hostServed(host: string, status: number, bytes: number): void {
    this.#change(host, (counts) => {
      const group = `${Math.floor(status / 100)}xx`;
      counts.byClass.set(group, (counts.byClass.get(group) ?? 0) + 1);
      counts.sent += bytes;
    });
  }

  get refusals(): ReadonlyMap<string, number> {
    return this.#refusals;
  }

  get hosts(): ReadonlyMap<string, HostCounts> {
    return this.#hosts;
  }

  #change(host: string, edit: (counts: HostCounts & { byClass: Map<string, number> }) => void) {
    let counts = this.#hosts.get(host);
    if (counts === undefined) {
      if (this.#hosts.size >= MAX_HOSTS) return;
      counts = { connections: 0, byClass: new Map(), sent: 0 };
      this.#hosts.set(host, counts);
    }
    edit(counts);
  }
}
