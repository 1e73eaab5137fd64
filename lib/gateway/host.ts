/**
 * One host behind the gateway while the gateway runs: the pools of connections to its engine and to
 * its guest, shared by all clients. What goes wrong on the way there is said in the log and nowhere
 * else: a client learns that the host cannot be reached, not where it is.
 */
import { AgentError, describeError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { formatHostPort } from "../net/address.ts";
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

/** The engine or the guest of a host, and how it was reached last. */
export interface HostEnd {
  readonly host: string;
  readonly what: "engine" | "guest";
  /** Where it is, such as `unix:/var/run/docker.sock`. */
  readonly address: string;
  /** `idle`: nobody has asked for it yet. */
  readonly state: "idle" | "up" | "down";
  /** Since when it is in this state. */
  readonly since: Date;
  /** Attempts that failed. */
  readonly failures: number;
  /** Why the last one of these did; empty if none has. */
  readonly lastError: string;
}

/** See the file comment. Owns its pools. */
export class Host {
  readonly name: string;
  /** To see whether a new configuration has the same host. */
  readonly config: HostConfig;
  readonly engine: Upstreams | undefined;
  readonly guest: Upstreams | undefined;
  readonly #dialers: readonly Dialer[];
  readonly #ends: readonly End[];

  private constructor(
    name: string,
    config: HostConfig,
    parts: {
      engine?: Upstreams;
      guest?: Upstreams;
      dialers: readonly Dialer[];
      ends: readonly End[];
    },
  ) {
    this.name = name;
    this.config = config;
    this.engine = parts.engine;
    this.guest = parts.guest;
    this.#dialers = parts.dialers;
    this.#ends = parts.ends;
  }

  /** How its engine and its guest were reached last. */
  get ends(): readonly HostEnd[] {
    return this.#ends.map((end) => ({ ...end }));
  }

  /** Reads the files a host needs; throws `AgentError` of kind `config`. Nothing is dialed yet. */
  static async make(name: string, config: HostConfig, log: Logger): Promise<Host> {
    const dialers: Dialer[] = [];
    const ends: End[] = [];
    const upstreams = async (endpoint: Endpoint, what: "engine" | "guest", token?: string) => {
      const dialer = await makeDialer(endpoint);
      dialers.push(dialer);
      const end = newEnd(name, what, endpoint);
      ends.push(end);
      const warm = what === "engine" ? WARM_CONNECTIONS : 0;
      return {
        pool: poolOf(dialer, end, { warm, log }),
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
      ends,
    });
  }

  /** Ends idle connections now, and others as they come back. */
  async close(): Promise<void> {
    this.engine?.pool.close();
    this.guest?.pool.close();
    await Promise.all(this.#dialers.map((dialer) => dialer.close()));
  }
}

/** What a pool notes of its dialing. */
type End = { -readonly [Key in keyof HostEnd]: HostEnd[Key] };

function newEnd(host: string, what: End["what"], endpoint: Endpoint): End {
  const address = addressOf(endpoint);
  return { host, what, address, state: "idle", since: new Date(), failures: 0, lastError: "" };
}

function addressOf(endpoint: Endpoint): string {
  switch (endpoint.kind) {
    case "unix":
      return `unix://${endpoint.path}`;
    case "ssh":
      return `ssh://${endpoint.settings.host}`;
    case "tcp":
    case "tls":
      return `${endpoint.kind}://${formatHostPort(endpoint.host, endpoint.port)}`;
  }
}

function note(end: End, state: "up" | "down"): void {
  if (end.state !== state) end.since = new Date();
  end.state = state;
}

function poolOf(
  dialer: Dialer,
  end: End,
  { warm, log }: { warm: number; log: Logger },
): UpstreamPool {
  const { host, what } = end;
  return new UpstreamPool({
    warm,
    keep: KEPT_CONNECTIONS,
    async open(lane, signal) {
      try {
        const stream = await dialer.open(lane, signal);
        note(end, "up");
        return stream;
      } catch (cause) {
        if (signal?.aborted) throw cause;
        const reason = describeError(cause);
        note(end, "down");
        end.failures++;
        end.lastError = reason;
        log.warn(`Cannot reach the ${what} of a host`, { host, reason });
        throw new AgentError("lost", `The ${what} of "${host}" cannot be reached`, { cause });
      }
    },
  });
}
