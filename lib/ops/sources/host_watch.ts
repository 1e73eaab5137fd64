/**
 * What is known of one remote host, kept by listening to its supervisor. The round trip is measured
 * only when somebody asks, by opening a stream to the engine and closing it: over SSH that is one
 * round trip on the connection that requests use.
 */
import { describeError } from "../../errors.ts";
import type { Supervisor } from "../../transport/supervisor.ts";
import type { Transport } from "../../transport/transport.ts";
import type { HostStatus } from "./source.ts";

/** A measurement is as good as new for this long. */
const RTT_FRESH_MS = 2_000;
/** Who asks waits this long for a new one, and then gets the old one. */
const RTT_WAIT_MS = 750;
/** A measurement that takes longer than this says that there is no answer. */
const RTT_TIMEOUT_MS = 10_000;

/** See the file comment. */
export class HostWatch {
  readonly #supervisor: Supervisor;
  readonly #forget: () => void;
  readonly #name: string | undefined;
  #address: string;
  #transport: Transport | undefined;
  #state: HostStatus["state"] = "connecting";
  #since = new Date();
  #connects = 0;
  #losses = 0;
  #failedAttempts = 0;
  #lastError = "";
  #rttMs: number | null = null;
  #measuredAt = -Infinity;
  #measuring: Promise<void> | undefined;

  /**
   * Watches until `close`; `address` is where the host is as far as is known before it is connected,
   * `name` what the user calls it.
   */
  constructor(address: string, supervisor: Supervisor, name?: string) {
    this.#address = address;
    this.#name = name;
    this.#supervisor = supervisor;
    this.#forget = supervisor.onChange(() => this.#look());
    this.#look();
  }

  /** Stops watching. */
  close(): void {
    this.#forget();
  }

  /** As it is now. */
  status(): HostStatus {
    const limits = this.#transport?.limits;
    return {
      name: this.#name ?? this.#address,
      address: this.#address,
      state: this.#state,
      since: this.#since.toISOString(),
      losses: this.#losses,
      reconnects: Math.max(0, this.#connects - 1),
      failed_attempts: this.#failedAttempts,
      rtt_ms: this.#state === "up" ? this.#rttMs : null,
      last_error: this.#lastError,
      ...(limits === undefined ? {} : { limits }),
    };
  }

  /**
   * Measures the round trip anew, and looks for a guest that is missing, if the last measurement is old;
   * settles within a short time.
   */
  async measure(): Promise<void> {
    const transport = this.#transport;
    if (transport === undefined || performance.now() - this.#measuredAt < RTT_FRESH_MS) return;
    this.#measuring ??= this.#open(transport).finally(() => this.#measuring = undefined);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, RTT_WAIT_MS);
    await Promise.race([this.#measuring, promise]).finally(() => clearTimeout(timer));
  }

  async #open(transport: Transport): Promise<void> {
    const started = performance.now();
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), RTT_TIMEOUT_MS);
    try {
      (await transport.open({ kind: "docker" }, { signal: giveUp.signal })).close();
      this.#rttMs = Math.round((performance.now() - started) * 100) / 100;
      await transport.look?.();
    } catch {
      // No answer is no measurement; whoever needs the transport reports what is wrong with it.
      this.#rttMs = null;
    } finally {
      clearTimeout(timer);
      this.#measuredAt = performance.now();
    }
  }

  #look(): void {
    const { state } = this.#supervisor;
    if (state.kind === "up") {
      if (state.transport !== this.#transport) this.#connected(state.transport);
      return;
    }
    this.#transport = undefined;
    if (state.kind === "pausing") {
      this.#failedAttempts++;
      this.#lastError = describeError(state.lastError);
    }
    const { kind } = state;
    this.#enter(kind === "connecting" || kind === "idle" ? kind : "down");
  }

  #connected(transport: Transport): void {
    this.#transport = transport;
    this.#address = transport.description;
    this.#connects++;
    this.#rttMs = null;
    this.#measuredAt = -Infinity;
    this.#enter("up");
    // The supervisor may pause before it says that it has lost the host.
    void transport.closed.then((reason) => {
      if (reason !== undefined) {
        this.#losses++;
        this.#lastError = describeError(reason);
      }
      if (this.#transport !== transport) return;
      this.#transport = undefined;
      this.#enter("down");
    });
  }

  #enter(state: HostStatus["state"]): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#since = new Date();
  }
}
