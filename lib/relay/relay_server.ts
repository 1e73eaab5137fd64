/**
 * `relay-server`: the SSH server together with the reasons for which it ends by itself: its parent
 * process is gone, or its standard input has ended. Owns the server.
 */
import { logger } from "../log.ts";
import { formatHostPort } from "../net/address.ts";
import { parentGone } from "./parent_watch.ts";
import { type SshServerOptions, startSshServer } from "./ssh_server.ts";
import type { RelayStats } from "./stats.ts";

/** When a server ends by itself. Durations are milliseconds. */
export interface EndOptions {
  readonly watchParent: boolean;
  /** Absent: the process that started it. */
  readonly parentPid?: number;
  readonly pollIntervalMs: number;
  readonly maxWaitMs: number;
  readonly onStdinEnd: boolean;
}

/** What `relay-server` is to do. */
export interface RelayServerOptions {
  readonly server: SshServerOptions;
  readonly end: EndOptions;
}

/** A running server; whoever started it shuts it down. */
export interface RelayServer {
  /** Such as `ssh://127.0.0.1:20022`. */
  readonly address: string;
  /** See `SshServer`. */
  readonly hostKey: string;
  readonly stats: RelayStats;
  /** Settles, with the reason, when it is time to end. */
  readonly finished: Promise<string>;
  /** Ends it at once: nothing here outlives a client's connection. */
  shutdown(): Promise<void>;
}

/** Starts it. Throws `AgentError` of kind `config` or `listen`. */
export async function startRelayServer({ server, end }: RelayServerOptions): Promise<RelayServer> {
  const running = await startSshServer(server);
  const ending = new AbortController();
  return {
    address: `ssh://${formatHostPort(running.host, running.port)}`,
    hostKey: running.hostKey,
    stats: running.stats,
    finished: reasonToEnd(end, ending.signal),
    async shutdown() {
      ending.abort();
      await running.close();
    },
  };
}

async function reasonToEnd(end: EndOptions, signal: AbortSignal): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  if (end.onStdinEnd) void stdinEnd().then(() => resolve("standard input has ended"));
  if (end.watchParent) {
    const { parentPid: pid, pollIntervalMs, maxWaitMs } = end;
    const log = logger("relay-server");
    const gone = await parentGone({
      ...(pid === undefined ? {} : { pid }),
      ...{ pollIntervalMs, maxWaitMs, log, signal: AbortSignal.any([signal, settled(promise)]) },
    });
    if (gone) resolve("the parent process has ended");
  }
  return await promise;
}

/** Aborts once `promise` has settled. */
function settled(promise: Promise<unknown>): AbortSignal {
  const controller = new AbortController();
  void promise.then(() => controller.abort());
  return controller.signal;
}

/** Settles at the end of standard input; what is on it does not matter. */
async function stdinEnd(): Promise<void> {
  const buffer = new Uint8Array(256);
  try {
    while (await Deno.stdin.read(buffer) !== null);
  } catch {
    // A closed standard input has ended, too.
  }
}
