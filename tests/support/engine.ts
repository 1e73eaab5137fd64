/** An engine whose every byte the test decides: for faults and timings a real one cannot produce. */
import type { Interceptor } from "../../lib/docker/exchange.ts";
import type { Duplex } from "../../lib/net/duplex.ts";
import { memoryPair } from "../../lib/net/memory.ts";
import type { ClientLimits } from "../../lib/proxy/limits.ts";
import type { ProxyObserver } from "../../lib/proxy/observer.ts";
import { type Client, Proxy } from "../../lib/proxy/proxy.ts";

/** A proxy in front of scripted engine connections. */
export interface Bench {
  proxy: Proxy;
  /** A new client connection through the proxy. */
  connect(client?: Partial<Client>): Duplex;
  /** The engine's end of the next connection that the proxy opens. */
  accept(): Promise<Duplex>;
  /** How many connections the proxy has opened. */
  opened(): number;
  /** Breaks a connection, by the engine's end of it, as a transport that is lost does. */
  lose(engine: Duplex, error: Error): void;
  /** Makes every further attempt to open a connection fail. */
  failWith(error: Error | undefined): void;
  /** Ends everything. */
  end(): Promise<void>;
}

/** Options of {@link bench}. */
export interface BenchOptions {
  mode?: "http" | "raw";
  warm?: number;
  interceptors?: Interceptor[];
  limits?: ClientLimits;
  observer?: ProxyObserver;
}

/** See {@link Bench}. */
export function bench(options: BenchOptions = {}): Bench {
  const engine = new ScriptedEngine();
  const clients: Duplex[] = [];
  const proxy = new Proxy({
    mode: options.mode ?? "http",
    warm: options.warm ?? 1,
    interceptors: options.interceptors ?? [],
    ...(options.limits && { limits: options.limits }),
    ...(options.observer && { observer: options.observer }),
    open: () => engine.open(),
  });
  return {
    proxy,
    connect(client = {}) {
      const [near, far] = memoryPair();
      clients.push(near);
      void proxy.serve(far, { remote: "test", ...client });
      return near;
    },
    accept: () => engine.accept(),
    opened: () => engine.opened,
    lose: (duplex, error) => engine.lose(duplex, error),
    failWith: (error) => engine.failure = error,
    async end() {
      for (const client of clients) client.close();
      await proxy.shutdown(0);
    },
  };
}

/** The connections that a proxy opens, for whoever accepts them. */
class ScriptedEngine {
  opened = 0;
  failure: Error | undefined;
  readonly #waiting: ((duplex: Duplex) => void)[] = [];
  readonly #ready: Duplex[] = [];
  readonly #losses = new Map<Duplex, Error>();

  open(): Promise<Duplex> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.opened++;
    const [near, far] = memoryPair();
    const taker = this.#waiting.shift();
    if (taker) taker(far);
    else this.#ready.push(far);
    const read = async () => {
      const chunk = await near.read();
      const loss = chunk === null ? this.#losses.get(far) : undefined;
      if (loss !== undefined) throw loss;
      return chunk;
    };
    return Promise.resolve({ ...passing(near), read });
  }

  accept(): Promise<Duplex> {
    const duplex = this.#ready.shift();
    if (duplex) return Promise.resolve(duplex);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  lose(engine: Duplex, error: Error): void {
    this.#losses.set(engine, error);
    engine.close();
  }
}

/** The same stream, so that some of its methods can be replaced. */
export function passing(inner: Duplex): Duplex {
  return {
    closed: inner.closed,
    read: () => inner.read(),
    write: (chunk) => inner.write(chunk),
    closeWrite: () => inner.closeWrite(),
    close: () => inner.close(),
  };
}
