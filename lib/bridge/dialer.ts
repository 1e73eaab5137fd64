/**
 * Opens a stream to whatever a client of the bridge names: by the rules, through the remote host, or
 * directly from here. Names are sent to the remote host as they are and are resolved there; this
 * machine's resolver is asked for `direct` ones alone. The names of containers are the engine's.
 */
import type { Logger } from "../log.ts";
import { formatHostPort } from "../net/address.ts";
import { denoConnDuplex } from "../net/deno_conn.ts";
import type { Duplex } from "../net/duplex.ts";
import type { Target } from "../transport/transport.ts";
import { BridgeFailure, failureOf } from "./failure.ts";
import { isContainerName } from "./names.ts";
import { type BridgeRule, type Route, routeTo } from "./rules.ts";
import type { Destination } from "./socks_wire.ts";

/** What a dialer is made of. */
export interface DialerOptions {
  readonly rules: readonly BridgeRule[];
  /** The addresses of a container's name; see `ContainerDirectory.find`. */
  readonly find: (name: string) => Promise<readonly string[]>;
  /** Opens a stream on the remote host, waiting a bounded time while it is being reconnected. */
  readonly open: (target: Target, signal: AbortSignal) => Promise<Duplex>;
  readonly log: Logger;
}

/** Where a destination is, seen from the end that connects to it. */
export interface Resolved {
  readonly route: Exclude<Route, "refuse">;
  /** Addresses, or the name as it was given. */
  readonly hosts: readonly string[];
}

/** How long an attempt may take; a host that drops packets is given up after this. */
const CONNECT_TIMEOUT_MS = 30_000;
/** Containers of one service that are tried before it is given up. */
const MAX_TRIES = 3;

/** See the file comment. Owns nothing: streams belong to the caller. */
export class Dialer {
  readonly #options: DialerOptions;

  constructor(options: DialerOptions) {
    this.#options = options;
  }

  /** Decides and, for a container, looks up. Throws `BridgeFailure`. */
  async resolve({ host, port }: Destination): Promise<Resolved> {
    const { rules, find } = this.#options;
    const route = routeTo(rules, host);
    const where = formatHostPort(host, port);
    if (route === "refuse") {
      throw new BridgeFailure("forbidden", `A rule of the bridge refuses ${where}`);
    }
    if (route === "direct" || !isContainerName(host)) return { route, hosts: [host] };
    const hosts = await find(host).catch((error) => {
      throw failureOf(where, error);
    });
    // A range that is refused is not reached by way of a name either.
    const allowed = hosts.filter((address) => routeTo(rules, address) !== "refuse");
    if (allowed.length > 0) return { route, hosts: allowed };
    throw new BridgeFailure("forbidden", `A rule of the bridge refuses the address of ${where}`);
  }

  /** Connects. The caller owns the stream. Throws `BridgeFailure`. */
  async dial(destination: Destination, signal: AbortSignal): Promise<Duplex> {
    const where = formatHostPort(destination.host, destination.port);
    if (destination.port === 0) throw new BridgeFailure("failed", `${where} has no port`);
    const late = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
    const both = AbortSignal.any([signal, late]);
    try {
      const { route, hosts } = await this.resolve(destination);
      return await this.#first(route, hosts.slice(0, MAX_TRIES), destination.port, both);
    } catch (error) {
      if (late.aborted && !signal.aborted) {
        const seconds = CONNECT_TIMEOUT_MS / 1000;
        throw new BridgeFailure("timeout", `${where} did not answer within ${seconds} s`, error);
      }
      throw failureOf(where, error);
    }
  }

  async #first(
    route: Resolved["route"],
    hosts: readonly string[],
    port: number,
    signal: AbortSignal,
  ): Promise<Duplex> {
    const { open, log } = this.#options;
    let failure: unknown;
    for (const host of hosts) {
      try {
        if (route === "direct") return await dialHere(host, port, signal);
        return await open({ kind: "tcp", host, port }, signal);
      } catch (error) {
        signal.throwIfAborted();
        log.debug("An attempt to connect failed", { host, port, route });
        failure = error;
      }
    }
    throw failure;
  }
}

async function dialHere(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
  const conn = await Deno.connect({ hostname: host, port, signal });
  conn.setNoDelay(true);
  return denoConnDuplex(conn);
}
