/**
 * The relay: programs connect to a named pipe (or a Unix socket), and each connection becomes one to
 * the engine's socket behind an SSH server, byte for byte. Owns the pipe, the SSH connection and, if
 * it is to start one, the server inside WSL. The transport's supervisor reconnects.
 */
import { AgentError, describeError, isClosedError, messageOf } from "../errors.ts";
import { listen } from "../listen/listen.ts";
import { type Logger, logger } from "../log.ts";
import { formatHostPort, parseListenAddress } from "../net/address.ts";
import type { Duplex } from "../net/duplex.ts";
import { pipe } from "../net/pipe.ts";
import { sshConnector } from "../transport/ssh/connector.ts";
import { type Backoff, Supervisor } from "../transport/supervisor.ts";
import type { Target } from "../transport/transport.ts";
import type { SshHost } from "../transport/url.ts";
import { type OwnServerOptions, startOwnServer } from "./own_server.ts";
import { boundPauses, type Pauses } from "./pauses.ts";
import { RelayStats } from "./stats.ts";

/** The server is near: it is worth asking often. */
const BACKOFF: Backoff = { firstMs: 100, maxMs: 1_000, stableMs: 10_000, leastMs: 50 };
/** Bound on the pauses between the attempts to connect for the first time, which double. */
const MAX_FIRST_PAUSE_MS = 5_000;
/** How long a client waits for a connection that was lost. */
const CLIENT_WAIT_MS = 10_000;

/** What to relay. Paths are absolute, durations milliseconds. */
export interface RelayOptions {
  /** As `parseListenAddress` reads it. */
  readonly listen: string;
  readonly ssh: SshHost & { readonly port: number };
  readonly sshTimeoutMs: number;
  /** Further attempts to connect at first, and to start the server. */
  readonly maxRetries: number;
  readonly maxConnections: number;
  /** When a relayed connection has come to a halt. Default: never. */
  readonly pauses?: Pauses;
  /** Private key to sign in with. */
  readonly identityFile: string;
  /** Where the server's host key must be; absent if it is not checked, or the server is ours. */
  readonly knownHostsFile?: string;
  readonly remoteDocker: Target;
  /** How to start the server, if it is to be started. */
  readonly server?: OwnServerOptions;
  /** A file that holds the process id while the relay runs. */
  readonly tidFile?: string;
  readonly log?: Logger;
}

/** A running relay; whoever started it shuts it down. */
export interface Relay {
  /** Where programs connect, as a value of `DOCKER_HOST`. */
  readonly addresses: readonly string[];
  readonly stats: RelayStats;
  /** The way to the server, to be looked at. */
  readonly supervisor: Supervisor;
  /** Settles, with the reason, only if the relay cannot go on. */
  readonly failed: Promise<Error>;
  /** Stops accepting, lets connections end for up to `timeoutMs`, then closes everything. */
  shutdown(timeoutMs: number): Promise<void>;
}

/** Starts a relay; it is connected by the time this settles. Throws `AgentError`, leaving nothing. */
export async function startRelay(options: RelayOptions, signal: AbortSignal): Promise<Relay> {
  const log = options.log ?? logger("relay");
  const cleanup: (() => Promise<void> | void)[] = [];
  const undo = async () => {
    for (const step of cleanup.splice(0).reverse()) await step();
  };
  try {
    const listener = await listen(parseListenAddress(options.listen));
    cleanup.push(() => listener.close());
    if (options.tidFile !== undefined) cleanup.push(await writeProcessId(options.tidFile));
    const own = await startOwnServer(options, signal, cleanup);
    const knownHostsFile = options.knownHostsFile ?? own?.knownHostsFile;
    const dial = connectorOf({ ...options, ...(knownHostsFile && { knownHostsFile }) });
    const supervisor = new Supervisor({ connect: dial, backoff: BACKOFF });
    cleanup.push(() => supervisor.close());
    await connect(supervisor, options, signal, log);
    const clients = new Clients(supervisor, options, log);
    listener.serve((duplex) => clients.serve(duplex));
    const failures = own === undefined ? [] : [own.failed];
    return {
      addresses: [listener.dockerHost],
      stats: clients.stats,
      supervisor,
      failed: Promise.race([supervisor.failed, ...failures]),
      async shutdown(timeoutMs) {
        await listener.close();
        await clients.drain(timeoutMs);
        await undo();
      },
    };
  } catch (error) {
    await undo();
    if (signal.aborted) throw new AgentError("lost", "Starting was interrupted", { cause: error });
    throw error;
  }
}

async function writeProcessId(path: string): Promise<() => Promise<void>> {
  try {
    await Deno.writeTextFile(path, `${Deno.pid}\n`);
  } catch (cause) {
    throw new AgentError("config", `Cannot write "${path}": ${messageOf(cause)}`, {
      cause,
      hint: "name another file with --tid-path",
    });
  }
  // Somebody may have cleaned up before us.
  return () => Deno.remove(path).catch(() => {});
}

function connectorOf(options: RelayOptions) {
  const { ssh, knownHostsFile } = options;
  return sshConnector({
    host: formatHostPort(ssh.host, ssh.port),
    ...(ssh.user === undefined ? {} : { user: ssh.user }),
    keyFiles: [options.identityFile],
    agentSocket: "none",
    configFile: "none",
    knownHostsFiles: knownHostsFile === undefined ? [] : [knownHostsFile],
    strictHostKeyChecking: knownHostsFile === undefined ? "no" : "yes",
    connectTimeoutMs: options.sshTimeoutMs,
    remoteDocker: options.remoteDocker,
  }, Deno.env.get("RDA_SSH_PASSPHRASE"));
}

/** Connects for the first time; only what time can mend is tried again. */
async function connect(
  supervisor: Supervisor,
  { maxRetries }: RelayOptions,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const giveUp = () => void supervisor.close();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    for (let attempt = 0;; attempt++) {
      signal.throwIfAborted();
      try {
        return void await supervisor.start();
      } catch (error) {
        const passing = error instanceof AgentError && error.kind === "unreachable";
        if (!passing || attempt >= maxRetries || signal.aborted) throw error;
        log.warn(`Cannot connect: ${describeError(error)}`, { attempt: attempt + 1 });
      }
      const pause = Math.min(MAX_FIRST_PAUSE_MS, BACKOFF.firstMs * 2 ** attempt);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** The connections of programs, each joined to one of its own at the far end. */
class Clients {
  readonly stats = new RelayStats();
  readonly #supervisor: Supervisor;
  readonly #max: number;
  readonly #pauses: Pauses;
  readonly #log: Logger;
  readonly #ending = new AbortController();
  readonly #serving = new Set<Promise<void>>();
  #count = 0;

  constructor(supervisor: Supervisor, options: RelayOptions, log: Logger) {
    this.#supervisor = supervisor;
    this.#max = options.maxConnections;
    this.#pauses = options.pauses ?? {};
    this.#log = log;
  }

  /** Serves one, whose stream is ours from here on; never rejects. */
  serve(duplex: Duplex): Promise<void> {
    const log = this.#log.with({ conn: (++this.#count).toString(36) });
    if (this.stats.active >= this.#max) {
      log.warn("Refused a client: too many connections", { max: this.#max });
      this.stats.failed("connection", new Error("Too many connections"));
      duplex.close();
      return Promise.resolve();
    }
    const serving = this.#relay(duplex, log).finally(() => this.#serving.delete(serving));
    this.#serving.add(serving);
    return serving;
  }

  async #relay(client: Duplex, log: Logger): Promise<void> {
    const counted = this.stats.begin();
    let bytes = { read: 0, written: 0 };
    const { signal } = this.#ending;
    try {
      const waiting = { lane: "interactive", waitMs: CLIENT_WAIT_MS, signal } as const;
      const far = await this.#supervisor.open({ kind: "docker" }, waiting);
      const near = boundPauses(client, this.#pauses, (why) => {
        log.warn("Closed a connection", { why });
        this.stats.failed("connection", new Error(`A connection was closed: ${why}`));
      });
      const result = await pipe(near, far, { signal });
      bytes = { read: result.sent, written: result.received };
      log.debug("Relayed", bytes);
    } catch (error) {
      client.close();
      this.stats.failed("socket", error);
      if (!isClosedError(error)) log.warn(`Cannot relay a client: ${describeError(error)}`);
    } finally {
      counted.end(bytes);
    }
  }

  /** Settles when no client is left; after `timeoutMs` they are closed. */
  async drain(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => this.#ending.abort(), timeoutMs);
    await Promise.all(this.#serving);
    clearTimeout(timer);
  }
}
