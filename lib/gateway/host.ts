/**
 * One host behind the gateway while the gateway runs: the pools of connections to its engine and to
 * its guest, shared by all clients. What goes wrong on the way there is said in the log and nowhere
 * else: a client learns that the host cannot be reached, not where it is.
 */
import { AgentError, describeError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { UpstreamPool } from "../proxy/upstream_pool.ts";
import type { Endpoint, HostConfig } from "./config.ts";
import { type Dialer, makeDialer } from "./dial.ts";
import { readSecret } from "./secret.ts";

/** Idle connections kept for each engine, and how many for a while after a burst. */
const WARM_CONNECTIONS = 1;
const KEPT_CONNECTIONS = 512;

/** Where requests of one kind go. */
export interface Upstreams {
  readonly pool: UpstreamPool;
  /** The value of `Host` for the other end. */
  readonly host: string;
  /** What the other end asks for in `Authorization`. */
  readonly token?: string;
}

/** See the file comment. Owns its pools. */
export class Host {
  readonly name: string;
  /** To see whether a new configuration has the same host. */
  readonly config: HostConfig;
  readonly engine: Upstreams | undefined;
  readonly guest: Upstreams | undefined;
  readonly #dialers: readonly Dialer[];

  private constructor(
    name: string,
    config: HostConfig,
    parts: { engine?: Upstreams; guest?: Upstreams; dialers: readonly Dialer[] },
  ) {
    this.name = name;
    this.config = config;
    this.engine = parts.engine;
    this.guest = parts.guest;
    this.#dialers = parts.dialers;
  }

  /** Reads the files a host needs; throws `AgentError` of kind `config`. Nothing is dialed yet. */
  static async make(name: string, config: HostConfig, log: Logger): Promise<Host> {
    const dialers: Dialer[] = [];
    const upstreams = async (endpoint: Endpoint, what: string, token?: string) => {
      const dialer = await makeDialer(endpoint);
      dialers.push(dialer);
      const warm = what === "engine" ? WARM_CONNECTIONS : 0;
      return {
        pool: poolOf(dialer, { host: name, what, warm, log }),
        host: dialer.host,
        ...(token === undefined ? {} : { token }),
      };
    };
    const { engine, guest, guestTokenFile } = config;
    const token = guestTokenFile === undefined ? undefined : await readSecret(guestTokenFile);
    return new Host(name, config, {
      ...(engine === undefined ? {} : { engine: await upstreams(engine, "engine") }),
      ...(guest === undefined ? {} : { guest: await upstreams(guest, "guest", token) }),
      dialers,
    });
  }

  /** Ends idle connections now, and others as they come back. */
  async close(): Promise<void> {
    this.engine?.pool.close();
    this.guest?.pool.close();
    await Promise.all(this.#dialers.map((dialer) => dialer.close()));
  }
}

interface PoolFacts {
  host: string;
  what: string;
  warm: number;
  log: Logger;
}

function poolOf(dialer: Dialer, { host, what, warm, log }: PoolFacts): UpstreamPool {
  return new UpstreamPool({
    warm,
    keep: KEPT_CONNECTIONS,
    async open(lane, signal) {
      try {
        return await dialer.open(lane, signal);
      } catch (cause) {
        if (signal?.aborted) throw cause;
        log.warn(`Cannot reach the ${what} of a host`, { host, reason: describeError(cause) });
        throw new AgentError("lost", `The ${what} of "${host}" cannot be reached`, { cause });
      }
    },
  });
}
