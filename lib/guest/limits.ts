/** How much one guest grants its clients. Every number is a bound. */

/** See the file comment. Times are milliseconds. */
export interface GuestLimits {
  /** Clients at a time; more are answered 503. */
  readonly maxConnections: number;
  /** Commands that run at a time; more are answered 503. */
  readonly maxCommands: number;
  /** Terminals among them: each one keeps a thread waiting for its output. */
  readonly maxTerminals: number;
  readonly maxTunnels: number;
  /** Ports that are listened on for clients. */
  readonly maxListeners: number;
  /** Connections of one such port that its client has not fetched yet. */
  readonly maxWaiting: number;
  readonly maxCopies: number;
  /** Bytes of one copied file, unpacked. */
  readonly maxCopyBytes: number;
  /** How long a connection may stay open after a request. */
  readonly idleMs: number;
  /** How long a head may take (the first one from the connection on), a body come to a halt. */
  readonly readMs: number;
  /** How long a client may take nothing of what is sent to it. */
  readonly writeMs: number;
  /** How long the description of a command may take altogether. */
  readonly requestMs: number;
  /** How long processes have between SIGHUP and SIGKILL. */
  readonly graceMs: number;
  /** How often a silent command's client is written to, so that one that has left is noticed. */
  readonly keepAliveMs: number;
  /** How long the client of a listener may be silent. */
  readonly listenSilenceMs: number;
  /** How long a tunnel may take to reach its target, and a connection wait to be fetched. */
  readonly connectMs: number;
  /** How long a tunnel for datagrams may be silent. */
  readonly udpIdleMs: number;
}

/** What the program uses unless an option says otherwise. */
export const GUEST_LIMITS: GuestLimits = {
  maxConnections: 1000,
  maxCommands: 256,
  maxTerminals: 64,
  maxTunnels: 1000,
  maxListeners: 64,
  maxWaiting: 128,
  maxCopies: 32,
  maxCopyBytes: 10e9,
  idleMs: 60_000,
  readMs: 15_000,
  writeMs: 24 * 3_600_000,
  requestMs: 30_000,
  graceMs: 5_000,
  keepAliveMs: 15_000,
  listenSilenceMs: 30_000,
  connectMs: 10_000,
  udpIdleMs: 120_000,
};

/** Places of one kind, so that no client can take without end. */
export class Places {
  readonly #limit: number;
  readonly #what: string;
  #taken = 0;

  /** @param what In the plural, for the refusal. */
  constructor(limit: number, what: string) {
    this.#limit = limit;
    this.#what = what;
  }

  /** Takes a place and returns how to give it back; `undefined` when there is none. */
  take(): (() => void) | undefined {
    if (this.#taken >= this.#limit) return undefined;
    this.#taken++;
    let held = true;
    return () => {
      if (held) this.#taken--;
      held = false;
    };
  }

  /** For the client that gets none. */
  get refusal(): string {
    return `all ${this.#limit} ${this.#what} of this guest are in use`;
  }
}
