/**
 * A transport over a gateway or guest: each stream is a connection of its own, or one dialed ahead.
 * There is no connection whose end would tell that the host is gone, so the transport asks now and
 * then while it is used, and counts itself lost when it gets no answer or nobody can be dialed. It
 * owns the dialer, and with it every stream.
 */
import { AgentError, messageOf } from "../errors.ts";
import { type Logger, logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import type { Dialer } from "./dialer.ts";
import type { GuestLink } from "./guest_link.ts";
import { GuestShell } from "./guest_shell.ts";
import { listenThroughGuest } from "./guest_listen.ts";
import type { OpenOptions, Shell, Target, Transport } from "./transport.ts";

/** What such a transport is made of. */
export interface EndpointParts {
  readonly description: string;
  readonly dialer: Dialer;
  /** Absent: the gateway leads to the engine and nowhere else. */
  readonly guest?: GuestLink;
  /** Where the engine is for the guest; absent: the endpoint speaks the Engine API itself. */
  readonly engine?: Exclude<Target, { kind: "docker" }>;
  /** Rejects when the endpoint does not answer. */
  readonly probe: (signal: AbortSignal) => Promise<void>;
  /** What a user who wants more than the engine is told. */
  readonly missing: string;
}

/** Between two questions while streams are open. */
const PULSE_MS = 10_000;
/** How long an answer may take. */
const PULSE_TIMEOUT_MS = 5_000;
/** Questions in a row without an answer, after which the host counts as lost. */
const MAX_MISSED = 2;

/** See the file comment. */
export class EndpointTransport implements Transport {
  readonly description: string;
  readonly closed: Promise<Error | undefined>;
  readonly shell?: Shell;
  /** Absent where the guest carries none. */
  readonly openDatagrams?: NonNullable<Transport["openDatagrams"]>;
  /** Absent where the guest does not listen for others. */
  readonly listen?: NonNullable<Transport["listen"]>;
  readonly limits?: string;
  readonly #parts: EndpointParts;
  readonly #log: Logger;
  readonly #gone = new AbortController();
  readonly #pulse: ReturnType<typeof setInterval>;
  #asking = false;
  #end!: (reason: Error | undefined) => void;

  constructor(parts: EndpointParts) {
    const { description, guest, missing } = parts;
    this.description = description;
    this.#parts = parts;
    this.#log = logger("transport");
    this.closed = new Promise((resolve) => this.#end = resolve);
    if (guest?.can("exec-framed-v1")) this.shell = new GuestShell(guest);
    if (guest?.can("tunnel-udp")) {
      this.openDatagrams = (to, signal) =>
        this.#guarded(guest.open({ kind: "udp", ...to }, signal), signal);
    }
    if (guest?.can("listen-tcp")) {
      this.listen = (address, serve) =>
        this.#guarded(listenThroughGuest(guest, address, serve), undefined);
    }
    if (guest === undefined) this.limits = missing;
    this.#pulse = setInterval(() => void this.#check(), PULSE_MS);
  }

  async open(target: Target, { lane, signal }: OpenOptions = {}): Promise<Duplex> {
    this.#throwIfGone();
    return await this.#guarded(this.#open(target, lane === "bulk", signal), signal);
  }

  async #guarded<T>(opening: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    try {
      return await opening;
    } catch (error) {
      throw this.#judge(error, signal);
    }
  }

  /** Each command is a connection of its own already. */
  bulkShell(): Promise<Shell> {
    if (this.shell !== undefined) return Promise.resolve(this.shell);
    return Promise.reject(new AgentError("engine", this.#parts.missing));
  }

  #open(target: Target, isBulk: boolean, signal: AbortSignal | undefined): Promise<Duplex> {
    const { dialer, guest, engine } = this.#parts;
    const wanted = target.kind === "docker" ? engine : target;
    // Who keeps idle connections to the engine needs none that are dialed ahead.
    if (wanted === undefined) return isBulk ? dialer.take(signal) : dialer.dial(signal);
    if (guest === undefined) {
      throw new AgentError("engine", `Cannot reach ${describe(wanted)}: ${this.#parts.missing}`);
    }
    return guest.open(wanted, signal);
  }

  #throwIfGone(): void {
    if (!this.#gone.signal.aborted) return;
    throw new AgentError("lost", `The connection to "${this.description}" is closed`);
  }

  /** Nobody to be dialed is a lost host, for which the supervisor waits. */
  #judge(error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted || !(error instanceof AgentError) || error.kind !== "unreachable") {
      return error;
    }
    this.#lose(error);
    const { hint } = error;
    return new AgentError("lost", error.message, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  async #check(): Promise<void> {
    if (this.#asking || this.#parts.dialer.open === 0) return;
    this.#asking = true;
    for (let missed = 0; !await this.#answers();) {
      if (this.#gone.signal.aborted || ++missed < MAX_MISSED) continue;
      this.#lose(new AgentError("lost", `"${this.description}" does not answer any more`));
      this.#parts.dialer.close({ everything: true });
    }
    this.#asking = false;
  }

  /** Also true where nobody wants to know any more. */
  async #answers(): Promise<boolean> {
    const gone = this.#gone.signal;
    if (gone.aborted) return true;
    try {
      await this.#parts.probe(AbortSignal.any([gone, AbortSignal.timeout(PULSE_TIMEOUT_MS)]));
      return true;
    } catch (error) {
      this.#log.debug("The endpoint does not answer", { error: messageOf(error) });
      return false;
    }
  }

  /** Streams that are open live on: they notice by themselves. */
  #lose(reason: Error): void {
    this.#finish(reason);
    this.#parts.dialer.close({ everything: false });
  }

  #finish(reason: Error | undefined): void {
    clearInterval(this.#pulse);
    this.#gone.abort();
    this.#end(reason);
  }

  close(): void {
    this.#finish(undefined);
    this.#parts.dialer.close({ everything: true });
  }
}

function describe(target: Exclude<Target, { kind: "docker" }>): string {
  return target.kind === "unix" ? `"${target.path}"` : `"${target.host}:${target.port}"`;
}
