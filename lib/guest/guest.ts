/**
 * The guest: what runs on a container host and does there what a client asks for over HTTP (docs/guest.md,
 * docs/protocol.md). Owns its listeners, its clients and everything that runs for them.
 */
import { messageOf } from "../errors.ts";
import { type Logger, logger } from "../log.ts";
import { formatHostPort, type ListenAddress } from "../net/address.ts";
import type { Duplex } from "../net/duplex.ts";
import { NO_OBSERVER, type ProxyObserver } from "../proxy/observer.ts";
import type { Peer } from "./access.ts";
import { GuestConnection } from "./connection.ts";
import { copies } from "./copy.ts";
import { type DoorRules, type OpenDoor, openDoor } from "./doors.ts";
import { Commands } from "./exec/exec.ts";
import { ownAccount } from "./exec/program.ts";
import { Terminals } from "./exec/terminal.ts";
import { type GuestLimits, Places } from "./limits.ts";
import { Listening } from "./listen.ts";
import { encodeReply, errorAnswer } from "./reply.ts";
import { info, makeRouter } from "./routes.ts";
import { isReadableByOthers, readTokens } from "./token_file.ts";
import { tunnels } from "./tunnel.ts";

/** How a guest is to be. */
export interface GuestOptions extends Omit<DoorRules, "token"> {
  readonly listen: readonly ListenAddress[];
  /** Common names that are let in; empty for all that the authority has signed. */
  readonly allowedNames: readonly string[];
  readonly tokenFile?: string;
  /** Where files may be copied to. */
  readonly copyRoots: readonly string[];
  readonly allowTunnels: readonly string[];
  /** Where clients may listen; empty: nowhere. */
  readonly allowListen: readonly string[];
  readonly limits: GuestLimits;
  /** Default: nobody counts. */
  readonly observer?: ProxyObserver;
  /** Default: the logger of scope `guest`. */
  readonly log?: Logger;
}

/** A guest that runs; whoever started it shuts it down. */
export interface Guest {
  /** Where it listens, such as `http://127.0.0.1:8080` or `unix:///run/guest.sock`. */
  readonly addresses: readonly string[];
  /** How many commands have processes that live. */
  readonly commands: number;
  /** Whether it has been told to end. */
  readonly isEnding: boolean;
  /**
   * Stops accepting, asks commands to end, ends tunnels over which nothing goes, and lets the rest finish
   * for up to `timeoutMs`; then ends it: processes of commands have `graceMs` from then on. Settles when
   * nothing is left. Only the first call counts.
   */
  shutdown(timeoutMs: number): Promise<void>;
}

/** Starts a guest, or throws `AgentError` (`config`, `listen`) and leaves nothing behind. */
export async function startGuest(options: GuestOptions): Promise<Guest> {
  const log = options.log ?? logger("guest");
  const { tokenFile } = options;
  if (tokenFile !== undefined) await checkTokenFile(tokenFile, log);
  const doors: OpenDoor[] = [];
  const closeDoors = () => Promise.all(doors.map(({ listener }) => listener.close()));
  try {
    for (const address of options.listen) {
      doors.push(await openDoor(address, { ...options, token: tokenFile !== undefined }, log));
    }
  } catch (error) {
    await closeDoors();
    throw error;
  }
  const serving = new Serving(options, log);
  for (const { listener, door } of doors) {
    listener.serve((duplex, { remote, subject }) =>
      serving.serve(duplex, { remote, door, ...(subject !== undefined && { subject }) })
    );
  }
  let ending: Promise<void> | undefined;
  return {
    addresses: doors.map((each) => addressOf(each, options)),
    get commands() {
      return serving.commands;
    },
    get isEnding() {
      return ending !== undefined;
    },
    shutdown(timeoutMs) {
      return ending ??= closeDoors().then(() => serving.shutdown(timeoutMs));
    },
  };
}

async function checkTokenFile(path: string, log: Logger): Promise<void> {
  await readTokens(path);
  if (await isReadableByOthers(path)) {
    log.warn(`Others may read the token file "${path}"; run chmod 600 on it`);
  }
}

function addressOf({ listener: { address, dockerHost } }: OpenDoor, options: GuestOptions): string {
  if (address.kind !== "tcp") return dockerHost;
  const scheme = options.identity === undefined ? "http" : "https";
  return `${scheme}://${formatHostPort(address.host, address.port)}`;
}

/** The clients of one guest and what runs for them. */
class Serving {
  readonly #options: GuestOptions;
  readonly #log: Logger;
  readonly #observer: ProxyObserver;
  readonly #places: Places;
  readonly #terminals = Terminals.load();
  readonly #commands: Commands;
  readonly #listening: Listening;
  readonly #connections = new Map<GuestConnection, Promise<void>>();
  readonly #drain = new AbortController();
  readonly #stop = new AbortController();
  readonly #route;
  readonly #atExit = () => this.#commands.killAll();

  constructor(options: GuestOptions, log: Logger) {
    const { limits } = options;
    const account = ownAccount();
    this.#options = options;
    this.#log = log;
    this.#observer = options.observer ?? NO_OBSERVER;
    this.#places = new Places(limits.maxConnections, "connections");
    this.#commands = new Commands({ limits, account, terminals: this.#terminals });
    this.#listening = new Listening({ limits, allowed: options.allowListen, log });
    this.#route = makeRouter({
      exec: this.#commands.handle,
      copy: copies({ limits, roots: options.copyRoots }),
      tunnel: tunnels({ limits, allowed: options.allowTunnels }),
      listen: this.#listening.listen,
      accept: this.#listening.accept,
      info: info(account, {
        commands: limits.maxCommands > 0,
        terminals: this.#terminals !== undefined,
        listen: options.allowListen.length > 0,
      }),
    });
    // A second signal ends the program at once, and still nothing may survive it.
    globalThis.addEventListener("unload", this.#atExit);
  }

  get commands(): number {
    return this.#commands.running;
  }

  get #isDraining(): boolean {
    return this.#drain.signal.aborted;
  }

  async serve(duplex: Duplex, peer: Peer): Promise<void> {
    const leave = this.#isDraining ? undefined : this.#places.take();
    if (leave === undefined) return await this.#turnAway(duplex, peer);
    const { tokenFile, allowedNames, limits } = this.#options;
    const connection = new GuestConnection(duplex, peer, {
      route: this.#route,
      access: {
        allowedNames,
        ...(tokenFile !== undefined && { tokens: () => this.#tokens(tokenFile) }),
      },
      limits,
      draining: this.#drain.signal,
      stopped: this.#stop.signal,
      observer: this.#observer,
      log: this.#log,
    });
    const since = performance.now();
    this.#observer.clientConnected();
    const served = connection.serve();
    this.#connections.set(connection, served);
    await served;
    this.#connections.delete(connection);
    this.#observer.clientLeft(performance.now() - since);
    leave();
  }

  /** A file that has become unusable lets nobody in. */
  async #tokens(path: string): Promise<readonly string[]> {
    try {
      return await readTokens(path);
    } catch (error) {
      this.#log.error(`Nobody is let in: ${messageOf(error)}`);
      return [];
    }
  }

  async #turnAway(duplex: Duplex, { remote }: Peer): Promise<void> {
    this.#observer.limited("connection_refused");
    const reason = this.#isDraining ? "the guest is ending" : this.#places.refusal;
    this.#log.warn("Turned a client away", { remote, reason });
    try {
      await duplex.write(encodeReply(errorAnswer(503, reason), true));
      await duplex.closeWrite();
    } catch {
      // It has left by itself.
    } finally {
      duplex.close();
    }
  }

  async shutdown(timeoutMs: number): Promise<void> {
    this.#drain.abort();
    this.#listening.drain();
    for (const connection of this.#connections.keys()) connection.drain();
    const endAll = () => {
      this.#stop.abort();
      for (const connection of this.#connections.keys()) connection.close();
    };
    const timer = setTimeout(endAll, timeoutMs);
    await Promise.all(this.#connections.values());
    clearTimeout(timer);
    globalThis.removeEventListener("unload", this.#atExit);
    this.#terminals?.close();
  }
}
