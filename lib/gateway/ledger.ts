/**
 * Counts what each certificate uses, and says no when it is too much. Connections are counted for
 * all clients together as well. Requests are a token bucket: so many a second, as many at once.
 */
import type { GatewayLimits } from "./config.ts";

/** Accounts kept after the last connection of a client, so that leaving does not refill a bucket. */
const MAX_ACCOUNTS = 4096;

interface Account {
  connections: number;
  tokens: number;
  /** When `tokens` was last brought up to date (`performance.now()`). */
  since: number;
  /** Connections refused since the last one that was taken. */
  refused: number;
}

/** Why a connection is refused, and whether it is the first of a series: only that one is logged. */
export interface ConnectionRefusal {
  readonly reason: string;
  readonly first: boolean;
}

/** See the file comment. */
export class Ledger {
  readonly #accounts = new Map<string, Account>();
  readonly #now: () => number;
  #limits: GatewayLimits;
  #connections = 0;

  /** `now`: milliseconds that never go back. */
  constructor(limits: GatewayLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** From now on these hold. */
  set limits(limits: GatewayLimits) {
    this.#limits = limits;
  }

  /** Connections of all clients. */
  get connections(): number {
    return this.#connections;
  }

  /** Counts a connection of `client`, or says why there is none for it. */
  connect(client: string): ConnectionRefusal | undefined {
    const account = this.#account(client);
    const { connections, connectionsPerClient } = this.#limits;
    const reason = account.connections >= connectionsPerClient
      ? `the client has ${connectionsPerClient} connections`
      : this.#connections >= connections
      ? `there are ${connections} connections`
      : undefined;
    if (reason !== undefined) return { reason, first: account.refused++ === 0 };
    account.refused = 0;
    account.connections++;
    this.#connections++;
    return undefined;
  }

  /** A connection of `client` has ended. */
  disconnect(client: string): void {
    this.#account(client).connections--;
    this.#connections--;
  }

  /** Whether `client` may make a request now. */
  request(client: string): boolean {
    const account = this.#account(client);
    const { requestsPerSecond } = this.#limits;
    const now = this.#now();
    const gained = (now - account.since) / 1000 * requestsPerSecond;
    account.tokens = Math.min(requestsPerSecond, account.tokens + gained);
    account.since = now;
    if (account.tokens < 1) return false;
    account.tokens--;
    return true;
  }

  #account(client: string): Account {
    const known = this.#accounts.get(client);
    if (known !== undefined) return known;
    if (this.#accounts.size >= MAX_ACCOUNTS) this.#forgetIdle();
    const account = {
      connections: 0,
      tokens: this.#limits.requestsPerSecond,
      since: this.#now(),
      refused: 0,
    };
    this.#accounts.set(client, account);
    return account;
  }

  #forgetIdle(): void {
    for (const [client, { connections }] of this.#accounts) {
      if (connections === 0) this.#accounts.delete(client);
    }
  }
}
