/**
 * Ports of containers that run on the host's own network. Nobody publishes them, so they are found:
 * what the container's processes listen on where we may see that, otherwise what has begun to listen
 * since its start. Looks often after a start and seldom later, and not at all while there is no such
 * container. The listeners belong to the forwarding manager.
 */
import { describeError } from "../errors.ts";
import { type Logger, logger } from "../log.ts";
import type { HostPort } from "./client_listener.ts";
import type { ForwardingManager } from "./manager.ts";
import { type Listing, listingCommand, parseListing, reachableAt } from "./listening.ts";
import type { ContainerRef } from "./placement.ts";
import type { FindShell } from "./udp/relay.ts";

/** What finding needs. */
export interface HostPortsOptions {
  forwarding: Pick<ForwardingManager, "addHostPort" | "release">;
  findShell: FindShell;
  /** Remote ports that are known to be something else, such as published ones and sshd's own. */
  exclude: () => ReadonlySet<number>;
  /** Pauses between looks; the last one goes on. Default: {@link PAUSES_MS}. */
  pausesMs?: readonly number[];
  log?: Logger;
}

/** A container on the host's network. */
export interface HostContainer extends ContainerRef {
  /** Container ports it is said to use (`ExposedPorts`). */
  readonly exposed?: readonly number[];
}

const PAUSES_MS = [250, 500, 500, 1_000, 1_000, 2_000, 5_000] as const;
const LOOK_TIMEOUT_MS = 10_000;
/** Ports of one container; a program that opens more is no server for people. */
const MAX_PORTS = 64;

/** Containers whose baselines are kept while they do not run. */
const MAX_REMEMBERED = 256;

interface Watched {
  container: HostContainer;
  /** Sockets (`host port`) that were there before; `undefined` until the first look. */
  baseline: ReadonlySet<string> | undefined;
  /** Ids of the forwards, by remote address and port. */
  readonly forwards: Map<string, string>;
}

/** See the file comment. */
export class HostPorts {
  readonly #options: Required<HostPortsOptions>;
  readonly #watched = new Map<string, Watched>();
  readonly #before = new Map<string, ReadonlySet<string>>();
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;
  #looks = 0;
  #wake: (() => void) | undefined;

  constructor(options: HostPortsOptions) {
    this.#options = { pausesMs: PAUSES_MS, log: logger("forward"), ...options };
  }

  /** To be called before a container is started: notes what listens already. Never rejects. */
  async prepare(id: string): Promise<void> {
    // One that is being restarted still listens, and what was there before it is known.
    if (this.#watched.has(id)) return;
    const listing = await this.#list([]);
    if (listing !== undefined) this.#remember(id, keysOf(listing));
  }

  /** The container runs: finds its ports until {@link remove}. Again: another name, say. */
  add(container: HostContainer): void {
    if (this.#closing.signal.aborted) return;
    const { id } = container;
    const known = this.#watched.get(id);
    if (known !== undefined) known.container = container;
    else {
      this.#watched.set(id, { container, baseline: this.#before.get(id), forwards: new Map() });
    }
    this.#looks = 0;
    this.#wake?.();
    this.#running ??= this.#run().finally(() => this.#running = undefined);
  }

  /** The container has stopped: gives its ports back. It may be started again by its policy. */
  async remove(id: string): Promise<void> {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    this.#watched.delete(id);
    if (watched.baseline !== undefined) this.#remember(id, watched.baseline);
    this.#wake?.();
    for (const forward of watched.forwards.values()) {
      await this.#options.forwarding.release(forward);
    }
  }

  /** The container is gone for good. */
  async forget(id: string): Promise<void> {
    await this.remove(id);
    this.#before.delete(id);
  }

  #remember(id: string, baseline: ReadonlySet<string>): void {
    this.#before.delete(id);
    this.#before.set(id, baseline);
    const [oldest] = this.#before.keys();
    if (this.#before.size > MAX_REMEMBERED && oldest !== undefined) this.#before.delete(oldest);
  }

  /** Looks no more. The ports are given back with the manager. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#watched.clear();
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { pausesMs } = this.#options;
    while (this.#watched.size > 0 && !this.#closing.signal.aborted) {
      const listing = await this.#list([...this.#watched.keys()]);
      for (const watched of [...this.#watched.values()]) {
        if (listing !== undefined) await this.#apply(watched, listing);
      }
      if (this.#watched.size === 0) return;
      const ms = pausesMs[Math.min(this.#looks++, pausesMs.length - 1)] ?? 0;
      await this.#pause(ms);
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = resolve;
    return promise.finally(() => {
      clearTimeout(timer);
      this.#wake = undefined;
    });
  }

  async #list(ids: readonly string[]): Promise<Listing | undefined> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]);
    try {
      const shell = await this.#options.findShell(signal);
      if (shell === undefined) return undefined;
      return parseListing((await shell.run(listingCommand(ids), { signal })).stdout);
    } catch (error) {
      // The connection comes back, and then there is another look.
      this.#options.log.debug("Cannot see what listens on the remote host", {
        error: describeError(error),
      });
      return undefined;
    }
  }

  async #apply(watched: Watched, listing: Listing): Promise<void> {
    const wanted = this.#portsOf(watched, listing);
    for (const [key, id] of [...watched.forwards]) {
      if (wanted.has(key)) continue;
      watched.forwards.delete(key);
      await this.#options.forwarding.release(id);
    }
    for (const [key, remote] of wanted) {
      if (watched.forwards.has(key) || watched.forwards.size >= MAX_PORTS) continue;
      await this.#forward(watched, key, remote);
    }
  }

  async #forward(watched: Watched, key: string, remote: HostPort): Promise<void> {
    const { container } = watched;
    const { forwarding, log } = this.#options;
    const id = `host ${container.id} ${key}`;
    watched.forwards.set(key, id);
    try {
      const published = await forwarding.addHostPort(id, container, remote);
      // It may have stopped while the port was being taken.
      if (this.#watched.get(container.id) !== watched) return await forwarding.release(id);
      if (published === undefined) return;
      const { host, port } = published.local;
      log.info(`Port ${remote.port} of "${container.name}" is on ${host}:${port}`);
    } catch (error) {
      log.warn(`Cannot forward port ${remote.port} of "${container.name}"`, {
        error: describeError(error),
      });
    }
  }

  /** Remote ends by port: one socket per port is enough. */
  #portsOf(watched: Watched, listing: Listing): Map<string, HostPort> {
    const { container } = watched;
    const inodes = listing.inodes.get(container.id);
    const exposed = new Set(container.exposed);
    const baseline = watched.baseline ??= new Set(
      listing.sockets.filter(({ port }) => !exposed.has(port)).map(keyOf),
    );
    const excluded = this.#options.exclude();
    const own = listing.sockets.filter((socket) =>
      inodes !== undefined
        ? inodes.has(socket.inode)
        : !baseline.has(keyOf(socket)) && !excluded.has(socket.port)
    );
    return new Map(own.map(({ host, port }) => [`${port}`, { host: reachableAt(host), port }]));
  }
}

function keysOf({ sockets }: Listing): ReadonlySet<string> {
  return new Set(sockets.map(keyOf));
}

function keyOf({ host, port }: HostPort): string {
  return `${host} ${port}`;
}
