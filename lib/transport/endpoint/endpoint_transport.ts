/**
 * A transport over a gateway or guest: each stream is a connection of its own, or one dialed ahead.
 * There is no connection whose end would tell that the host is gone, so the transport asks now and
 * then while it is used, and counts itself lost when it gets no answer or nobody can be dialed. It
 * owns the dialer, and with it every stream.
 */
import { AgentError, messageOf } from "../../errors.ts";
import { type Logger, logger } from "../../log.ts";
import type { Duplex } from "../../net/duplex.ts";
import { sleep } from "../../system/sleep.ts";
import type { Dialer } from "./dialer.ts";
import type { GuestKeeper } from "../guest/keeper.ts";
import type { GuestCapability, GuestLink } from "../guest/link.ts";
import { GuestShell } from "../guest/shell.ts";
import { listenThroughGuest } from "../guest/listen.ts";
import { NoGuestError } from "../guest/no_guest.ts";
import type { OpenOptions, Shell, StreamsTogether, Target, Transport } from "../transport.ts";

/** What such a transport is made of. */
export interface EndpointParts {
  readonly description: string;
  readonly dialer: Dialer;
  /** Without a link, the gateway leads to the engine and nowhere else. */
  readonly guest: GuestKeeper;
  /** Where the engine is for the guest; absent: the endpoint speaks the Engine API itself. */
  readonly engine?: Exclude<Target, { kind: "docker" }>;
  /** Rejects when the endpoint does not answer. */
  readonly probe: (signal: AbortSignal) => Promise<void>;
  /** Default: {@link PULSE}. */
  readonly pulse?: Pulse;
}

/** How a host is asked whether it is there, in milliseconds. */
export interface Pulse {
  /** Between two questions while streams are open. */
  readonly everyMs: number;
  /** How long an answer may take. */
  readonly timeoutMs: number;
}

/** What the program uses. */
const PULSE: Pulse = { everyMs: 10_000, timeoutMs: 5_000 };
const NO_COMMANDS = "the guest runs no commands for us";
/** Questions in a row without an answer, after which the host counts as lost. */
const MAX_MISSED = 2;

/** See the file comment. */
export class EndpointTransport implements Transport {
  readonly description: string;
  readonly closed: Promise<Error | undefined>;
  readonly #parts: EndpointParts;
  readonly #times: Pulse;
  readonly #log: Logger;
  readonly #gone = new AbortController();
  readonly #closing = new AbortController();
  readonly #pulse: ReturnType<typeof setInterval>;
  #asking = false;
  #streams: StreamsTogether = { endSilently: true };
  /** The shell of a guest, made once for each. */
  #shell: { readonly link: GuestLink; readonly shell: Shell } | undefined;
  #end!: (reason: Error | undefined) => void;

  constructor(parts: EndpointParts) {
    this.description = parts.description;
    this.#parts = parts;
    this.#times = parts.pulse ?? PULSE;
    this.#log = logger("transport");
    this.closed = new Promise((resolve) => this.#end = resolve);
    parts.dialer.watchEnds(() => void this.#allEnded());
    this.#pulse = setInterval(() => void this.#check(), this.#times.everyMs);
  }

  get streams(): StreamsTogether {
    return this.#streams;
  }

  get limits(): string | undefined {
    return this.#parts.guest.missing;
  }

  look(): Promise<void> {
    return this.#parts.guest.look();
  }

  onChange(listener: () => void): () => void {
    return this.#parts.guest.onChange(listener);
  }

  get shell(): Shell | undefined {
    const link = this.#guestFor("exec-framed-v1");
    if (link === undefined) return undefined;
    if (this.#shell?.link !== link) this.#shell = { link, shell: new GuestShell(link) };
    return this.#shell.shell;
  }

  /** Absent where the guest carries none. */
  get openDatagrams(): Transport["openDatagrams"] {
    const guest = this.#guestFor("tunnel-udp");
    return guest &&
      ((to, signal) => this.#guarded(guest.open({ kind: "udp", ...to }, signal), signal));
  }

  /** Absent where the guest does not listen for others. */
  get listen(): Transport["listen"] {
    const guest = this.#guestFor("listen-tcp");
    return guest &&
      ((address, serve) => this.#guarded(listenThroughGuest(guest, address, serve), undefined));
  }

  #guestFor(capability: GuestCapability): GuestLink | undefined {
    const { link } = this.#parts.guest;
    return link?.can(capability) ? link : undefined;
  }

  async open(target: Target, { lane, signal }: OpenOptions = {}): Promise<Duplex> {
    this.#throwIfGone();
    return await this.#guarded(this.#open(target, lane === "bulk", signal), signal);
  }

  async #guarded<T>(opening: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    try {
      return await opening;
    } catch (error) {
      this.#parts.guest.doubt();
      throw this.#judge(error, signal);
    }
  }

  /** Each command is a connection of its own already. */
  async bulkShell(): Promise<Shell> {
    await this.look();
    if (this.shell !== undefined) return this.shell;
    throw new AgentError("engine", this.limits ?? NO_COMMANDS);
  }

  async #open(target: Target, isBulk: boolean, signal: AbortSignal | undefined): Promise<Duplex> {
    const { dialer, guest, engine } = this.#parts;
    const wanted = target.kind === "docker" ? engine : target;
    // Who keeps idle connections to the engine needs none that are dialed ahead.
    if (wanted === undefined) return await (isBulk ? dialer.take(signal) : dialer.dial(signal));
    await this.look();
    if (guest.link !== undefined) return await guest.link.open(wanted, signal);
    throw new NoGuestError(describe(wanted), guest.missing ?? NO_COMMANDS);
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
    const { dialer } = this.#parts;
    if (this.#asking || dialer.open === 0) return;
    this.#asking = true;
    if (await isSilent(() => this.#answers(), this.#times, this.#gone.signal)) {
      this.#lose(new AgentError("lost", `"${this.description}" does not answer any more`));
      dialer.giveUp();
    }
    this.#asking = false;
  }

  /** What answers now may be another gateway in the place of the one that ended them. */
  async #allEnded(): Promise<void> {
    if (this.#asking || this.#gone.signal.aborted) return;
    this.#asking = true;
    this.#streams = { endSilently: true };
    if (!await this.#answers()) {
      this.#lose(new AgentError("lost", `"${this.description}" has ended all connections`));
    }
    this.#asking = false;
  }

  /** Also true where nobody wants to know any more. */
  async #answers(): Promise<boolean> {
    const gone = this.#gone.signal;
    if (gone.aborted) return true;
    try {
      await this.#parts.probe(AbortSignal.any([gone, AbortSignal.timeout(this.#times.timeoutMs)]));
      await this.#parts.guest.refresh();
      return true;
    } catch (error) {
      this.#log.debug("The endpoint does not answer", { error: messageOf(error) });
      return false;
    }
  }

  #lose(reason: Error): void {
    if (this.#gone.signal.aborted) return;
    this.#finish(reason);
    this.#parts.dialer.close({ everything: false });
    void this.#watchSurvivors();
  }

  /**
   * Streams that are open live on while the host answers, be it with refusals, as a gateway does that
   * ends when they have: then they notice their end by themselves.
   */
  async #watchSurvivors(): Promise<void> {
    const { dialer } = this.#parts;
    const closing = this.#closing.signal;
    const { everyMs, timeoutMs } = this.#times;
    const reaches = () => {
      return dialer.reaches(AbortSignal.any([closing, AbortSignal.timeout(timeoutMs)]));
    };
    while (dialer.open > 0 && !closing.aborted) {
      if (await isSilent(reaches, this.#times, closing)) return dialer.giveUp();
      await sleep(everyMs, closing);
    }
  }

  #finish(reason: Error | undefined): void {
    clearInterval(this.#pulse);
    this.#gone.abort();
    this.#end(reason);
  }

  close(): void {
    this.#finish(undefined);
    this.#closing.abort();
    this.#parts.dialer.close({ everything: true });
  }
}

/**
 * Whether there is no answer several times in a row. Each time takes its time, also where it fails at
 * once, as without a network: a short outage is lived through.
 */
async function isSilent(
  ask: () => Promise<boolean>,
  { timeoutMs }: Pulse,
  stop: AbortSignal,
): Promise<boolean> {
  for (let missed = 0; missed < MAX_MISSED; missed++) {
    const since = performance.now();
    if (await ask()) return false;
    await sleep(timeoutMs - (performance.now() - since), stop);
  }
  return !stop.aborted;
}

function describe(target: Exclude<Target, { kind: "docker" }>): string {
  return target.kind === "unix" ? `"${target.path}"` : `"${target.host}:${target.port}"`;
}
