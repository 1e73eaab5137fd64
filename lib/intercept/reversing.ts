/**
 * Ports of this machine for containers, joined: the forwards, the names that containers get on
 * create, and the question for the bridge's address. Its maker closes it.
 */
import { EngineClient } from "../docker/engine_client.ts";
import type { Interceptor } from "../docker/exchange.ts";
import {
  ReverseForward,
  type ReverseInfo,
  type ReverseOptions,
  type ReverseTarget,
} from "../forward/reverse.ts";
import type { Duplex } from "../net/duplex.ts";
import { bridgeAddressOf, reverseHosts } from "./reverse_hosts.ts";

/** What it is made of. */
export interface ReversingOptions {
  readonly targets: readonly ReverseTarget[];
  /** Opens a stream to the engine. */
  open(signal?: AbortSignal): Promise<Duplex>;
  nextTransport: ReverseOptions["nextTransport"];
}

/** Podman's bridge is not there before the first container on it has started. */
export function afterStart(hurry: () => void): Interceptor {
  return async (exchange, next) => {
    const response = await next();
    if (exchange.route?.name === "ContainerStart") hurry();
    return response;
  };
}

/** See the file comment. */
export class Reversing {
  readonly interceptors: readonly Interceptor[];
  readonly #engine: EngineClient;
  readonly #forwards: readonly ReverseForward[];

  constructor({ targets, open, nextTransport }: ReversingOptions) {
    this.#engine = new EngineClient(open);
    const bridgeAddress = (signal: AbortSignal) => bridgeAddressOf(this.#engine, signal);
    const names = [...new Set(targets.map(({ name }) => name))];
    const forwards = targets.map((target) =>
      new ReverseForward({ target, nextTransport, bridgeAddress })
    );
    this.#forwards = forwards;
    // What waits, as for a guest, is wanted now.
    const hurry = () => {
      for (const forward of forwards) forward.hurry();
    };
    const addressForContainer = (signal: AbortSignal) => {
      hurry();
      return bridgeAddress(signal);
    };
    this.interceptors = names.length === 0
      ? []
      : [reverseHosts(names, addressForContainer), afterStart(hurry)];
  }

  /** Begins to listen on the remote host. */
  start(): void {
    for (const forward of this.#forwards) forward.start();
  }

  /** Every forward as it is now. */
  snapshot(): readonly ReverseInfo[] {
    return this.#forwards.map((forward) => forward.snapshot());
  }

  /** Ends the forwards and their connections. */
  async close(): Promise<void> {
    await Promise.all(this.#forwards.map((forward) => forward.close()));
    this.#engine.close();
  }
}
