/** What one client connection is given by the proxy around it. */
import type { Exchange, Interceptor } from "../docker/exchange.ts";
import type { Route } from "../docker/route.ts";
import type { RequestHead } from "../http/head.ts";
import type { Logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import type { ProxyObserver } from "./observer.ts";
import type { Refusal } from "./refusal.ts";
import type { UpstreamPool } from "./upstream_pool.ts";

/** What a connection needs of its surroundings. */
export interface ConnectionContext {
  /** Where the connection that an exchange is sent over comes from and goes back to. */
  poolFor(exchange: Exchange): UpstreamPool;
  /** The interceptors of an operation, outermost first. */
  interceptors(route: Route | undefined): readonly Interceptor[];
  /** Judges a request by its head before anything else is done with it. */
  guard(head: RequestHead): Refusal | undefined;
  /** Told of a refusal whose words are about to be sent. */
  onRefusal?(refusal: Refusal, error: unknown): void;
  /** Opens a raw stream to the engine, for clients that do not speak HTTP. */
  openRaw(): Promise<Duplex>;
  observer: ProxyObserver;
  log: Logger;
}
