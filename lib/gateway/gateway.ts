/**
 * The gateway: TLS connections with client certificates in front, the engines and guests of its hosts
 * behind, and rules in between. Owns the listener, the client connections and the hosts. A reload
 * replaces certificates, hosts, rules and limits together, or nothing.
 */
import { X509Certificate } from "node:crypto";
import { describeError, messageOf } from "../errors.ts";
import { authoritiesIn, isIssued } from "../listen/client_chains.ts";
import type { ClientInfo, Listener } from "../listen/listener.ts";
import { readTlsMaterial, type TlsMaterial } from "../listen/tls_server.ts";
import { inContext, type Logger, logger } from "../log.ts";
import { formatHostPort } from "../net/address.ts";
import type { Duplex } from "../net/duplex.ts";
import { type ClientLimits, UNLIMITED } from "../proxy/limits.ts";
import { adviceOn } from "./advice.ts";
import { GatewayClient } from "./client.ts";
import type { GatewayConfig, GatewayLimits } from "./config.ts";
import { Host, type HostEnd } from "./host.ts";
import { type ClientIdentity, IdentityCache } from "./identity.ts";
import type { Policy } from "./judge.ts";
import { Ledger } from "./ledger.ts";
import { type GatewayObserver, NO_GATEWAY_OBSERVER, type RefusalKind } from "./observer.ts";
import { type GatewayServer, openTlsServer } from "./tls_server.ts";

const MAX_CLAIM_CHARS = 200;

/** Reads the configuration; throws `AgentError` of kind `config`. */
export type LoadConfig = () => Promise<GatewayConfig>;

/** Everything that a reload replaces. */
interface State extends Policy {
  readonly config: GatewayConfig;
  readonly material: TlsMaterial;
  readonly hosts: ReadonlyMap<string, Host>;
}

/** Starts a gateway; whoever does so shuts it down. Throws `AgentError` (`config`, `listen`). */
export async function startGateway(
  load: LoadConfig,
  observer: GatewayObserver = NO_GATEWAY_OBSERVER,
): Promise<Gateway> {
  const log = logger("gateway");
  const state = await prepare(await load(), undefined, log);
  try {
    const tls = await openTlsServer(state.config, state.material, log);
    return new Gateway({ load, state, tls, log, observer });
  } catch (error) {
    await closeHosts(state.hosts.values());
    throw error;
  }
}

interface GatewayParts {
  readonly load: LoadConfig;
  readonly state: State;
  readonly tls: GatewayServer;
  readonly log: Logger;
  readonly observer: GatewayObserver;
}

/** See the file comment. */
export class Gateway {
  readonly #load: LoadConfig;
  readonly #observer: GatewayObserver;
  readonly #log: Logger;
  readonly #server: GatewayServer["server"];
  readonly #listener: Listener;
  readonly #ledger: Ledger;
  readonly #identities = new IdentityCache();
  readonly #clients = new Map<GatewayClient, Promise<void>>();
  #state: State;
  #authorities: readonly X509Certificate[];
  #reloading: Promise<void> = Promise.resolve();
  #connections = 0;
  #ended = false;

  constructor({ load, state, tls, log, observer }: GatewayParts) {
    this.#load = load;
    this.#observer = observer;
    this.#state = state;
    this.#server = tls.server;
    this.#listener = tls.listener;
    this.#log = log;
    this.#ledger = new Ledger(state.config.limits);
    this.#authorities = authoritiesIn(state.material.authorities.join(""));
    this.#listener.serve((duplex, info) => this.#accept(duplex, info));
  }

  /** Where it listens: `HOST:PORT`, the port a real one. */
  get address(): string {
    const { address } = this.#listener;
    return address.kind === "tcp" ? formatHostPort(address.host, address.port) : address.path;
  }

  /** The names of its hosts. */
  get hosts(): readonly string[] {
    return [...this.#state.hosts.keys()];
  }

  /** How the engines and guests of its hosts were reached last. */
  get ends(): readonly HostEnd[] {
    return [...this.#state.hosts.values()].flatMap((host) => host.ends);
  }

  /** Connections that may be there at a time. */
  get maxConnections(): number {
    return this.#state.config.limits.connections;
  }

  /** Whether it has been told to end. */
  get isEnding(): boolean {
    return this.#ended;
  }

  /** Client connections now. */
  get connections(): number {
    return this.#ledger.connections;
  }

  /**
   * Reads configuration and certificates again. What is wrong with them is logged, and then
   * everything stays as it is. Connections that are not allowed any more end. Never rejects.
   */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reloadNow());
    return this.#reloading;
  }

  async #reloadNow(): Promise<void> {
    const before = this.#state;
    let state: State;
    try {
      state = await prepare(await this.#load(), before, this.#log);
      this.#server.replace(state.material);
    } catch (error) {
      this.#log.error(`Keeping the configuration as it was: ${describeError(error)}`);
      return;
    }
    if (this.#ended) return await closeHosts(state.hosts.values());
    this.#state = state;
    this.#ledger.limits = state.config.limits;
    this.#authorities = authoritiesIn(state.material.authorities.join(""));
    const { host, port } = state.config.listen;
    const { listen } = before.config;
    if (listen.host !== host || listen.port !== port) {
      this.#log.warn("Another address takes effect only after a restart", {
        listen: formatHostPort(host, port),
      });
    }
    const ended = this.#endRevoked();
    const kept = new Set(state.hosts.values());
    await closeHosts([...before.hosts.values()].filter((each) => !kept.has(each)));
    this.#log.info("Took over a new configuration", {
      hosts: state.hosts.size,
      rules: state.rules.length,
      ended,
    });
  }

  #endRevoked(): number {
    let ended = 0;
    for (const client of this.#clients.keys()) {
      // A certificate that came with others in between is asked for again: its client connects anew.
      const trusted = isIssued(client.identity.certificate, this.#authorities);
      if (trusted && client.isAllowed()) continue;
      ended++;
      this.#log.info("Ended a connection that is not allowed any more", {
        client: client.identity.label,
        reason: trusted ? "its rights" : "its authority",
      });
      client.close();
    }
    return ended;
  }

  async #accept(duplex: Duplex, { remote, tls = { distrust: "no TLS" } }: ClientInfo) {
    const { certificate, distrust, serverName } = tls;
    const refuse = (
      reason: string,
      more: Record<string, unknown> = {},
      kind: RefusalKind = "certificate",
    ) => {
      this.#observer.refused(kind);
      this.#log.warn("Refused a client", { remote, host: serverName ?? "-", reason, ...more });
      duplex.close();
    };
    if (distrust !== undefined || certificate === undefined) {
      return refuse(distrust ?? "no certificate", certificate && claimOf(certificate));
    }
    let identity: ClientIdentity;
    try {
      identity = this.#identities.of(certificate);
    } catch (error) {
      return refuse(`its certificate cannot be read: ${messageOf(error)}`);
    }
    const { fingerprint, label } = identity;
    const refusal = this.#ledger.connect(fingerprint);
    if (refusal?.first) return refuse(refusal.reason, { client: label }, "connections");
    if (refusal !== undefined) {
      this.#observer.refused("connections");
      return duplex.close();
    }
    try {
      await this.#serve(duplex, { identity, serverName, remote });
    } finally {
      this.#ledger.disconnect(fingerprint);
    }
  }

  async #serve(
    duplex: Duplex,
    peer: { identity: ClientIdentity; serverName: string | undefined; remote: string },
  ): Promise<void> {
    if (this.#ended) return duplex.close();
    const id = (++this.#connections).toString(36);
    await inContext({ conn: id, remote: peer.remote }, async () => {
      const client = new GatewayClient(duplex, peer, {
        policy: () => this.#state,
        ledger: this.#ledger,
        limits: clientLimits(this.#state.config.limits),
        observer: this.#observer,
        log: this.#log.with({ client: peer.identity.label }),
      });
      const serving = client.serve();
      this.#clients.set(client, serving);
      await serving;
      this.#clients.delete(client);
    });
  }

  /** Stops accepting, lets requests finish for up to `timeoutMs`, then closes everything. */
  async shutdown(timeoutMs: number): Promise<void> {
    this.#ended = true;
    await this.#listener.close();
    for (const client of this.#clients.keys()) client.drain();
    const timer = setTimeout(() => {
      for (const client of this.#clients.keys()) client.close();
    }, timeoutMs);
    await Promise.all(this.#clients.values());
    clearTimeout(timer);
    await this.#reloading;
    await closeHosts(this.#state.hosts.values());
  }
}

/**
 * What a certificate that is not trusted calls itself, for the log. Anybody can send one, of any size:
 * it is kept nowhere, and what is said of it is short.
 */
function claimOf(certificate: Uint8Array): { claims?: string } {
  try {
    return { claims: new X509Certificate(certificate).subject.slice(0, MAX_CLAIM_CHARS) };
  } catch {
    // It is refused as it is; that it cannot be read adds nothing.
    return {};
  }
}

/** Reads what the configuration names. A host that has not changed and holds an SSH connection stays. */
async function prepare(
  config: GatewayConfig,
  before: State | undefined,
  log: Logger,
): Promise<State> {
  const { identity, authorityFiles } = config;
  const material = await readTlsMaterial(identity, authorityFiles, { whose: "gateway", log });
  const hosts = new Map<string, Host>();
  const fresh: Host[] = [];
  try {
    for (const [name, hostConfig] of config.hosts) {
      const known = before?.hosts.get(name);
      const same = hostConfig.engine?.kind === "ssh" &&
        JSON.stringify(known?.config) === JSON.stringify(hostConfig);
      const host = same && known !== undefined ? known : await Host.make(name, hostConfig, log);
      if (host !== known) fresh.push(host);
      hosts.set(name, host);
    }
  } catch (error) {
    await closeHosts(fresh);
    throw error;
  }
  for (const line of adviceOn(config, material.cert)) log.warn(line);
  return { config, material, hosts, rules: config.rules };
}

async function closeHosts(hosts: Iterable<Host>): Promise<void> {
  await Promise.all([...hosts].map((host) => host.close()));
}

function clientLimits({ headerMs, idleMs, bodyMs, writeMs }: GatewayLimits): ClientLimits {
  return { ...UNLIMITED, headMs: headerMs, idleMs, readMs: bodyMs, writeMs };
}
