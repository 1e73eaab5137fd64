/**
 * Takes local ports: knows which are ours, which must never be taken, and turns what the system says
 * into a {@link BindError}.
 */
import { BindError, bindReason } from "./bind_error.ts";
import type { PortRange, Protocol } from "./binding.ts";
import type { HostPort } from "./client_listener.ts";

/** Something that holds a local port until it is closed. */
export interface Holder {
  readonly local: HostPort;
  close(): Promise<void>;
}

/** Takes a port (0: any free one) or rejects with what the system reports. */
export type Listen<T extends Holder> = (local: HostPort) => Promise<T>;

/** How often the system may offer a guarded port before we give up. */
const MAX_OFFERS = 16;

/** Local ends of one kind: addresses, and the ports of them that would do. */
export interface Wanted {
  readonly protocol: Protocol;
  readonly host: string;
  /** Another address, to have the same port of. */
  readonly twin?: string | undefined;
  readonly range: PortRange;
  /** Tried first where it is allowed. */
  readonly preferred?: number | undefined;
}

/** What was taken: the same port of one or two addresses. */
export interface Taken<T> {
  readonly holder: T;
  readonly twin?: T;
}

/** See the file comment. */
export class LocalPorts {
  readonly #guarded: (local: HostPort) => boolean;
  readonly #ours = new Set<string>();

  /** `guarded` names the ports that are never taken, such as the agent's own. */
  constructor(guarded: (local: HostPort) => boolean) {
    this.#guarded = guarded;
  }

  /**
   * Takes one port of the range, of both addresses or of none; an address that this machine does not
   * have is no twin. Throws `BindError`; the caller gives the ports back with {@link give} after
   * closing the holders.
   */
  async take<T extends Holder>(wanted: Wanted, listen: Listen<T>): Promise<Taken<T>> {
    const { protocol, host, preferred, range: { first, last } } = wanted;
    const any = first === 0;
    if (preferred !== undefined && (any || (preferred >= first && preferred <= last))) {
      const taken = await this.#tryBoth(wanted, preferred, listen);
      if (taken !== undefined) return taken;
    }
    if (any) return await this.#takeAny(wanted, listen);
    if (first === last) return await this.#takeBoth(wanted, first, listen);
    for (let port = first; port <= last; port++) {
      const taken = await this.#tryBoth(wanted, port, listen);
      if (taken !== undefined) return taken;
    }
    throw new BindError("exhausted", { protocol, host, port: first });
  }

  /** The port is ours no longer. */
  give(protocol: Protocol, local: HostPort): void {
    this.#ours.delete(keyOf(protocol, local));
  }

  async #takeBoth<T extends Holder>(
    { protocol, host, twin }: Wanted,
    port: number,
    listen: Listen<T>,
  ): Promise<Taken<T>> {
    const holder = await this.#takeOne(protocol, { host, port }, listen);
    return await this.#withTwin(protocol, holder, twin, listen);
  }

  /** Owns `holder` until it returns: it is given back if the twin cannot be had. */
  async #withTwin<T extends Holder>(
    protocol: Protocol,
    holder: T,
    host: string | undefined,
    listen: Listen<T>,
  ): Promise<Taken<T>> {
    if (host === undefined) return { holder };
    try {
      const local = { host, port: holder.local.port };
      return { holder, twin: await this.#takeOne(protocol, local, listen) };
    } catch (error) {
      if (error instanceof BindError && error.reason === "unavailable") return { holder };
      await holder.close();
      this.give(protocol, holder.local);
      throw error;
    }
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

  async #tryBoth<T extends Holder>(
    wanted: Wanted,
    port: number,
    listen: Listen<T>,
  ): Promise<Taken<T> | undefined> {
    try {
      return await this.#takeBoth(wanted, port, listen);
    } catch (error) {
      if (isTaken(error)) return undefined;
      throw error;
    }
  }

  async #takeAny<T extends Holder>(wanted: Wanted, listen: Listen<T>): Promise<Taken<T>> {
    const { protocol, host, twin } = wanted;
    for (let offer = 0; offer < MAX_OFFERS; offer++) {
      const holder = await this.#offered(protocol, host, listen);
      if (this.#guarded(holder.local)) {
        await holder.close();
        continue;
      }
      this.#ours.add(keyOf(protocol, holder.local));
      try {
        return await this.#withTwin(protocol, holder, twin, listen);
      } catch (error) {
        if (!isTaken(error)) throw error;
      }
    }
    throw new BindError("exhausted", { protocol, host, port: 0 });
  }

  async #offered<T extends Holder>(protocol: Protocol, host: string, listen: Listen<T>) {
    try {
      return await listen({ host, port: 0 });
    } catch (error) {
      throw new BindError(bindReason(error), { protocol, host, port: 0 }, error);
    }
  }
}

/** Whether another port may be free. */
function isTaken(error: unknown): boolean {
  return error instanceof BindError && error.reason !== "unavailable";
}

function keyOf(protocol: Protocol, { host, port }: HostPort): string {
  return `${protocol} ${host} ${port}`;
}
