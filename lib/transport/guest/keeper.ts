/**
 * What is known of the guest at an endpoint. It may come after us, go, and come back as another version,
 * so it is asked again: now and then while the endpoint is in use, and by who needs it while it is
 * missing. Owns nothing that lasts.
 */
import { describeError } from "../../errors.ts";
import { type Logger, logger } from "../../log.ts";
import type { FoundGuest } from "./info.ts";
import type { GuestLink } from "./link.ts";

/** What it needs of its surroundings. */
export interface GuestKeeperOptions {
  /** For people, such as `mtls://gpu.example.com`. */
  readonly name: string;
  /** Asks; throws where nobody can be dialed. */
  ask(signal: AbortSignal): Promise<FoundGuest>;
  /** Milliseconds that never go back. Default: `performance.now()`. */
  readonly now?: () => number;
  readonly log?: Logger;
}

/** Between two questions of those who need a guest that is missing. */
const NEEDED_MS = 2_000;
/** Between two questions of nobody in particular; doubles while there is none, up to the last. */
const FIRST_IDLE_MS = 10_000;
const LAST_IDLE_MS = 300_000;
/** What is known since then is not asked again. */
const JUST_NOW_MS = 1_000;
const TIMEOUT_MS = 5_000;

const NO_GUEST = "the gateway leads to Docker only, it offers no guest of the remote host " +
  "(/tinyscale/v1)";
const REASONS: Readonly<Record<number, string>> = {
  401: "the gateway does not let us use the guest of the remote host",
  403: "the gateway does not let us use the guest of the remote host",
  502: "the gateway cannot reach the guest of the remote host",
  503: "the gateway cannot reach the guest of the remote host",
};

/** See the file comment. */
export class GuestKeeper {
  readonly #options: GuestKeeperOptions;
  readonly #now: () => number;
  readonly #log: Logger;
  #link: GuestLink | undefined;
  #missing = NO_GUEST;
  /** When it was asked last. */
  #asked: number;
  #idleMs = FIRST_IDLE_MS;
  #isDoubtful = false;
  #asking: Promise<void> | undefined;
  readonly #listeners = new Set<() => void>();

  /** `found`: what it said just now. */
  constructor(found: FoundGuest, options: GuestKeeperOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#log = options.log ?? logger("transport");
    this.#asked = this.#now();
    if (found.kind === "guest") this.#link = found.link;
    else this.#missing = reasonOf(found);
  }

  /** The guest, as far as is known. */
  get link(): GuestLink | undefined {
    return this.#link;
  }

  /** Why there is none; nothing while there is one. */
  get missing(): string | undefined {
    return this.#link === undefined ? this.#missing : undefined;
  }

  /** Calls `listener` when there is another guest, or none any more; the result stops that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Something that it was asked for has failed. */
  doubt(): void {
    this.#isDoubtful = true;
  }

  /** To be called by who needs it: asks again if that may tell more than is known. Never rejects. */
  async look(): Promise<void> {
    const uncertain = this.#link === undefined || this.#isDoubtful;
    if (uncertain && this.#age() >= NEEDED_MS) this.#askOnce();
    if (uncertain) await this.#asking;
  }

  /** To be called now and then: asks again if it is time. Never rejects. */
  async refresh(): Promise<void> {
    const enough = this.#link === undefined ? this.#idleMs : JUST_NOW_MS;
    if (this.#age() < enough) return;
    await this.#askOnce();
  }

  /** Takes over what it has just said to somebody else. */
  learn(found: FoundGuest): void {
    this.#asked = this.#now();
    this.#isDoubtful = false;
    if (found.kind === "guest") return this.#found(found.link);
    this.#idleMs = Math.min(LAST_IDLE_MS, 2 * this.#idleMs);
    this.#missing = reasonOf(found);
    if (this.#link === undefined) return;
    this.#take(undefined);
    this.#idleMs = FIRST_IDLE_MS;
    this.#log.warn(
      `The guest of ${this.#options.name} is gone, and with it ports, folders and commands`,
      { reason: this.#missing },
    );
  }

  #found(link: GuestLink): void {
    const before = this.#link;
    this.#idleMs = FIRST_IDLE_MS;
    // Who holds the link goes on with it, unless it is another guest now.
    if (before !== undefined && areSame(before.capabilities, link.capabilities)) return;
    this.#take(link);
    if (before !== undefined) return;
    this.#log.info(`The guest of ${this.#options.name} is there: ports, folders and commands work`);
  }

  #take(link: GuestLink | undefined): void {
    this.#link = link;
    for (const listener of [...this.#listeners]) listener();
  }

  #age(): number {
    return this.#now() - this.#asked;
  }

  #askOnce(): Promise<void> {
    return this.#asking ??= this.#ask().finally(() => this.#asking = undefined);
  }

  async #ask(): Promise<void> {
    try {
      this.learn(await this.#options.ask(AbortSignal.timeout(TIMEOUT_MS)));
    } catch (error) {
      // The endpoint cannot be reached, which says nothing about its guest.
      this.#asked = this.#now();
      this.#log.debug("Cannot ask for a guest", { error: describeError(error) });
    }
  }
}

function reasonOf(found: Exclude<FoundGuest, { kind: "guest" }>): string {
  if (found.kind === "silent") {
    return `nothing is heard of a guest of the remote host: ${found.reason}`;
  }
  return REASONS[found.status ?? 0] ?? NO_GUEST;
}

function areSame(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((each) => other.has(each));
}
