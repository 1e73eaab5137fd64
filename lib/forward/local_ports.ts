/**
 * Takes local ports: knows which are ours, which must never be taken, and turns what the system says
 * into a {@link BindError}.
 */
import { BindError, bindReason } from "./bind_error.ts";
import type { PortRange, Protocol } from "./binding.ts";
import type { HostPort } from "./tcp_listener.ts";

/** Something that holds a local port until it is closed. */
export interface Holder {
  readonly local: HostPort;
  close(): Promise<void>;
}

/** Takes a port (0: any free one) or rejects with what the system reports. */
export type Listen<T extends Holder> = (local: HostPort) => Promise<T>;

/** How often the system may offer a guarded port before we give up. */
const MAX_OFFERS = 16;

/** See the file comment. */
export class LocalPorts {
  readonly #guarded: (local: HostPort) => boolean;
  readonly #ours = new Set<string>();

  /** `guarded` names the ports that are never taken, such as the agent's own. */
  constructor(guarded: (local: HostPort) => boolean) {
    this.#guarded = guarded;
  }

  /**
   * Takes one port of `range`, trying `preferred` first where it is allowed. Throws `BindError`; the
   * caller gives the port back with {@link give} after closing the holder.
   */
  async take<T extends Holder>(
    protocol: Protocol,
    host: string,
    range: PortRange,
    preferred: number | undefined,
    listen: Listen<T>,
  ): Promise<T> {
    const { first, last } = range;
    const any = first === 0;
    if (preferred !== undefined && (any || (preferred >= first && preferred <= last))) {
      const holder = await this.#tryOne(protocol, { host, port: preferred }, listen);
      if (holder !== undefined) return holder;
    }
    if (any) return await this.#takeAny(protocol, host, listen);
    if (first === last) return await this.#takeOne(protocol, { host, port: first }, listen);
    for (let port = first; port <= last; port++) {
      const holder = await this.#tryOne(protocol, { host, port }, listen);
      if (holder !== undefined) return holder;
    }
    throw new BindError("exhausted", { protocol, host, port: first });
  }

  /** The port is ours no longer. */
  give(protocol: Protocol, local: HostPort): void {
    this.#ours.delete(keyOf(protocol, local));
  }

  async #takeOne<T extends Holder>(
    protocol: Protocol,
    local: HostPort,
    listen: Listen<T>,
  ): Promise<T> {
    const key = keyOf(protocol, local);
    const subject = { protocol, ...local };
    if (this.#ours.has(key)) throw new BindError("allocated", subject);
    if (this.#guarded(local)) throw new BindError("in-use", subject);
    // Ours from now on, so that nobody else tries while the system is being asked.
    this.#ours.add(key);
    try {
      return await listen(local);
    } catch (error) {
      this.#ours.delete(key);
      throw new BindError(bindReason(error), subject, error);
    }
  }

  async #tryOne<T extends Holder>(
    protocol: Protocol,
    local: HostPort,
    listen: Listen<T>,
  ): Promise<T | undefined> {
    try {
      return await this.#takeOne(protocol, local, listen);
    } catch (error) {
      const taken = error instanceof BindError && error.reason !== "unavailable";
      if (taken) return undefined;
      throw error;
    }
  }

  async #takeAny<T extends Holder>(
    protocol: Protocol,
    host: string,
    listen: Listen<T>,
  ): Promise<T> {
    for (let offer = 0; offer < MAX_OFFERS; offer++) {
      let holder: T;
      try {
        holder = await listen({ host, port: 0 });
      } catch (error) {
        throw new BindError(bindReason(error), { protocol, host, port: 0 }, error);
      }
      if (!this.#guarded(holder.local)) {
        this.#ours.add(keyOf(protocol, holder.local));
        return holder;
      }
      await holder.close();
    }
    throw new BindError("exhausted", { protocol, host, port: 0 });
  }
}

function keyOf(protocol: Protocol, { host, port }: HostPort): string {
  return `${protocol} ${host} ${port}`;
}
