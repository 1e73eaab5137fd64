/**
 * The network bridge of one remote host: SOCKS 5 and HTTP proxies on local addresses, which lead into
 * the whole network behind the host. It owns its listeners, their clients, the relay for datagrams
 * and the directory of containers.
 */
import type { Emit } from "../agent_event.ts";
import type { ClientListener } from "../forward/client_listener.ts";
import { type FindShell, UdpRelay } from "../forward/udp/relay.ts";
import { type Obstacle, type OpenDatagrams, TunnelUdp } from "../forward/udp/tunnel.ts";
import { type Logger, logger } from "../log.ts";
import { formatHostPort } from "../net/address.ts";
import { Dialer, type DialerOptions } from "./dialer.ts";
import { ContainerDirectory, type EngineStreams } from "./directory.ts";
import { serveHttpProxy } from "./http_proxy.ts";
import { listenAt, type ServeClient, serveClients } from "./listener.ts";
import type { BridgeRule } from "./rules.ts";
import { serveSocks } from "./socks.ts";
import type { Destination } from "./socks_wire.ts";
import { UdpAssociations } from "./udp.ts";
import { type CheckUser, readUsers } from "./users.ts";

/** The two kinds of proxy; each is also the name of its flag. */
const BRIDGE_KINDS = ["socks", "http-proxy"] as const;
export type BridgeKind = typeof BRIDGE_KINDS[number];

/** What the user wants of the bridge. */
export interface BridgeSettings {
  /** Whether other machines may reach an address is judged before it gets here. */
  readonly socks: readonly Destination[];
  readonly httpProxy: readonly Destination[];
  readonly rules: readonly BridgeRule[];
  /** File of those who may use it; see `users.ts`. */
  readonly usersFile?: string;
}

/** The ways to the remote host. */
export interface BridgeLinks {
  /** Opens a stream there, waiting a bounded time while it is being reconnected. */
  readonly open: DialerOptions["open"];
  /** For datagrams, where the transport does not carry them itself. */
  readonly findShell: FindShell;
  readonly openDatagrams?: OpenDatagrams;
  /** Why nothing but the engine can be reached now, if so. */
  readonly obstacle?: Obstacle;
  readonly engine: EngineStreams;
  /** Is told of addresses and of clients that are sent away. */
  readonly emit: Emit;
}

/** One local address of the bridge. A copy: it does not change. */
export interface BridgeInfo {
  readonly kind: BridgeKind;
  readonly local: Destination;
  readonly connections: { readonly open: number; readonly total: number };
  readonly bytes: { readonly sent: number; readonly received: number };
}

/** See the file comment. */
export class Bridge {
  readonly #listeners: readonly (readonly [BridgeKind, ClientListener])[];
  readonly #close: () => Promise<void>;

  private constructor(
    listeners: readonly (readonly [BridgeKind, ClientListener])[],
    close: () => Promise<void>,
  ) {
    this.#listeners = listeners;
    this.#close = close;
  }

  /**
   * Takes the addresses and serves. Throws `AgentError`: `config` for a users file, `listen` when the
   * system refuses; then nothing is left behind.
   */
  static async open(settings: BridgeSettings, links: BridgeLinks): Promise<Bridge> {
    const log = logger("bridge");
    const addresses = [
      ...settings.socks.map((address) => ["socks", address] as const),
      ...settings.httpProxy.map((address) => ["http-proxy", address] as const),
    ];
    const { usersFile } = settings;
    const checkUser = usersFile === undefined ? undefined : await readUsers(usersFile);
    const listeners: [BridgeKind, ClientListener][] = [];
    const closeListeners = async () => {
      await Promise.all(listeners.map(([, listener]) => listener.close()));
    };
    try {
      for (const [kind, address] of addresses) {
        listeners.push([kind, await listenAt(address, `--${kind}`, log)]);
      }
    } catch (error) {
      await closeListeners();
      throw error;
    }
    const { serve, close } = serversOf(settings, links, checkUser, log);
    for (const [kind, listener] of listeners) {
      serveClients(listener, serve[kind]);
      const { host, port } = listener.local;
      log.info(`${TITLES[kind]} on ${formatHostPort(host, port)}`);
    }
    const tell = (event: "forward.opened" | "forward.closed") => {
      for (const [target, { local }] of listeners) {
        links.emit({ kind: event, local: formatHostPort(local.host, local.port), target });
      }
    };
    tell("forward.opened");
    return new Bridge(listeners, async () => {
      await closeListeners();
      await close();
      tell("forward.closed");
    });
  }

  /** Every local address as it is now. */
  snapshot(): readonly BridgeInfo[] {
    return this.#listeners.map(([kind, { local, counters }]) => ({
      kind,
      local,
      connections: { open: counters.open, total: counters.total },
      bytes: { sent: counters.sent, received: counters.received },
    }));
  }

  /** Gives the addresses back and ends every client. */
  close(): Promise<void> {
    return this.#close();
  }
}

const TITLES: Readonly<Record<BridgeKind, string>> = {
  socks: "SOCKS proxy",
  "http-proxy": "HTTP proxy, and its /proxy.pac,",
};

function serversOf(
  { rules }: BridgeSettings,
  { open, findShell, openDatagrams, obstacle, engine, emit }: BridgeLinks,
  checkUser: CheckUser | undefined,
  log: Logger,
): { serve: Record<BridgeKind, ServeClient>; close: () => Promise<void> } {
  const directory = new ContainerDirectory(engine, log);
  const relay = openDatagrams === undefined
    ? new UdpRelay(findShell, log)
    : new TunnelUdp(openDatagrams, log, obstacle);
  const dialer = new Dialer({ rules, open, log, find: (name) => directory.find(name) });
  const udp = new UdpAssociations({ relay, dialer, log });
  const who = checkUser === undefined ? {} : { checkUser };
  return {
    serve: {
      socks: (client) => serveSocks(client, { dialer, udp, log, emit, ...who }),
      "http-proxy": (client) => serveHttpProxy(client, { dialer, rules, log, emit, ...who }),
    },
    close: async () => {
      await relay.close();
      await directory.close();
    },
  };
}
