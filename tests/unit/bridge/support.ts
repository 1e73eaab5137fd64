/** A bridge with real sockets on loopback whose "remote host" is a function of the test's. */
import { emitNothing } from "../../../lib/agent_event.ts";
import { Bridge, type BridgeSettings } from "../../../lib/bridge/bridge.ts";
import { type BridgeRule, parseBridgeRule } from "../../../lib/bridge/rules.ts";
import { AgentError } from "../../../lib/errors.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import type { Target } from "../../../lib/transport/transport.ts";

/** What a test says of the bridge and of the network behind it. */
export interface TestBridge {
  rules?: readonly string[];
  usersFile?: string;
  /** The way to the network behind carries datagrams, to nobody. */
  datagrams?: boolean;
  /**
   * Serves a destination; throws at once what connecting to it throws, and later on what a lost
   * connection makes its streams fail with.
   */
  network?: (host: string, port: number, stream: Duplex) => void | Promise<void>;
}

/** Where a bridge listens and what it was asked to open. */
export interface Opened extends AsyncDisposable {
  readonly socks: number;
  readonly http: number;
  readonly targets: Target[];
}

/** What ssh2 throws when the SSH server cannot connect. */
export function openFailed(why: string, reason = 2): AgentError {
  const cause = Object.assign(new Error(`(SSH) Channel open failure: ${why}`), { reason });
  return new AgentError("engine", `Cannot reach it: ${why}`, { cause });
}

/** Opens a bridge with one SOCKS and one HTTP proxy. */
export async function openBridge(options: TestBridge = {}): Promise<Opened> {
  const { rules = [], usersFile, datagrams = false, network = () => {} } = options;
  const local = [{ host: "127.0.0.1", port: 0 }];
  const settings: BridgeSettings = {
    socks: local,
    httpProxy: local,
    rules: rules.map((text): BridgeRule => parseBridgeRule(text)),
    ...(usersFile === undefined ? {} : { usersFile }),
  };
  const targets: Target[] = [];
  const served: Promise<void>[] = [];
  const noDatagrams = (to: { host: string; port: number }) => {
    targets.push({ kind: "tcp", ...to });
    return Promise.reject(new AgentError("engine", "Nobody is there"));
  };
  const noEngine = () => Promise.reject(new AgentError("lost", "There is no engine"));
  const bridge = await Bridge.open(settings, {
    open: (target) => {
      targets.push(target);
      if (target.kind !== "tcp") throw new Error("Not a TCP target");
      const [near, far] = memoryPair();
      const serving = Promise.resolve(network(target.host, target.port, far));
      served.push(serving.catch(() => far.close()));
      return Promise.resolve(cuttable(near, serving));
    },
    findShell: () => Promise.resolve(undefined),
    ...(datagrams ? { openDatagrams: noDatagrams } : {}),
    engine: { open: noEngine, openWhenUp: noEngine },
    emit: emitNothing,
  });
  const ports = bridge.snapshot().map((info) => info.local.port);
  const [socks = 0, http = 0] = ports;
  return {
    socks,
    http,
    targets,
    async [Symbol.asyncDispose]() {
      await bridge.close();
      await Promise.all(served);
    },
  };
}

/** `stream`, whose reads fail as soon as `serving` does. */
function cuttable(stream: Duplex, serving: Promise<void>): Duplex {
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {}); // it may never be read from again
  serving.catch(lost.reject);
  return {
    read: () => Promise.race([stream.read(), lost.promise]),
    write: (chunk) => stream.write(chunk),
    closeWrite: () => stream.closeWrite(),
    close: () => stream.close(),
    closed: stream.closed,
  };
}
