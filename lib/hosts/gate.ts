/**
 * Stands before a proxy that can only be made when its remote host is connected for the first time. Clients
 * are accepted from the beginning; they wait as they would for a lost connection, and are refused as
 * they would be then. It owns what refuses them; the proxy is its maker's.
 */
import { AgentError } from "../errors.ts";
import { Proxy, type ProxyOptions } from "../proxy/proxy.ts";

/** What a gate is made of. */
export interface GateOptions extends Pick<ProxyOptions, "mode" | "limits" | "observer"> {
  /** Settles when the host is connected; throws `AgentError` when it is not within the usual time. */
  connected(): Promise<unknown>;
  /** Makes the proxy; called once. */
  assemble(): Promise<Proxy>;
}

/** See the file comment. */
export class Gate {
  readonly #options: GateOptions;
  readonly #refusing: Proxy;
  readonly #opened = Promise.withResolvers<Proxy>();
  #reason: unknown = new AgentError("lost", "The remote host is not connected yet");

  constructor(options: GateOptions) {
    this.#options = options;
    const { connected: _connected, assemble: _assemble, ...rest } = options;
    this.#refusing = new Proxy({
      ...rest,
      warm: 0,
      interceptors: [],
      open: () => Promise.reject(this.#reason),
    });
  }

  /** To be called when the host is connected for the first time. Throws what making the proxy threw. */
  async open(): Promise<void> {
    try {
      this.#opened.resolve(await this.#options.assemble());
    } catch (error) {
      this.#reason = error;
      this.#opened.resolve(this.#refusing);
      throw error;
    }
    // Whoever was refused comes back on a new connection.
    await this.#refusing.shutdown(0);
  }

  /** Who is to serve a client that has come. */
  async proxy(): Promise<Proxy> {
    try {
      await this.#options.connected();
      return await this.#opened.promise;
    } catch (error) {
      this.#reason = error;
      return this.#refusing;
    }
  }

  /** Ends those who wait or were refused. */
  async close(): Promise<void> {
    this.#opened.resolve(this.#refusing);
    await this.#refusing.shutdown(0);
  }
}
