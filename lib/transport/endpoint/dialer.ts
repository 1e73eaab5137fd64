/**
 * Connections to one gateway or guest. While they are asked for, a few are dialed ahead, so that a
 * tunnel or a command does not wait for TCP and TLS. The dialer owns the spare ones; one that is given
 * out belongs to whoever asked.
 */
import { AgentError, describeError } from "../../errors.ts";
import { type Logger, logger } from "../../log.ts";
import { knownAddress, localAddresses } from "../../net/local_addresses.ts";
import type { Duplex } from "../../net/duplex.ts";
import { prefixed } from "../../net/prefixed.ts";
import { CommonEnd } from "./common_end.ts";
import { type CredentialFiles, Credentials } from "./credentials.ts";
import { type DialOptions, dialPlain, dialTls, type Line } from "./tls_dial.ts";
import { aborted, isAnswer, type TlsEndpoint, wordsOf } from "./tls_error.ts";

/** How to reach a gateway or guest. */
export interface EndpointSettings extends TlsEndpoint {
  /** Absent: plain TCP. */
  readonly tls?: CredentialFiles;
  /** Takes any certificate from the server. Default: no. */
  readonly insecure?: boolean;
  /** For connecting and the handshake together, in milliseconds. Default: as {@link dialTls}. */
  readonly timeoutMs?: number;
}

/** Connections that are dialed ahead. */
const MAX_SPARE = 3;
/** A spare one is closed after this time, before a server loses patience with it. */
const SPARE_LIFE_MS = 8_000;
/** Between two looks whether there are connections that are of no use any more. */
const LOOK_MS = 2_000;

/** A connection that nobody has used yet. `first` is the read that notices its end. */
interface Spare {
  readonly duplex: Duplex;
  readonly first: Promise<Uint8Array | null>;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** See the file comment. */
export class Dialer {
  readonly endpoint: EndpointSettings;
  readonly #credentials: Credentials | undefined;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  /** All connections, with what each goes over. */
  readonly #streams = new Map<Duplex, Line | undefined>();
  readonly #spares: Spare[] = [];
  #dialing = 0;
  /** Runs while there are connections. */
  #looking: ReturnType<typeof setInterval> | undefined;
  #ends: CommonEnd | undefined;
  #takesCutsForEnds = false;

  private constructor(
    endpoint: EndpointSettings,
    credentials: Credentials | undefined,
    log: Logger,
  ) {
    this.endpoint = endpoint;
    this.#credentials = credentials;
    this.#log = log;
  }

  /** Reads the certificates; nothing is dialed yet. Throws `AgentError` of kind `config`. */
  static async open(endpoint: EndpointSettings, log = logger("transport")): Promise<Dialer> {
    const { tls } = endpoint;
    const { peer } = wordsOf(endpoint);
    const credentials = tls === undefined ? undefined : await Credentials.open(tls, { log, peer });
    return new Dialer(endpoint, credentials, log);
  }

  /** Whether it has been closed. */
  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** How many connections are in use. */
  get open(): number {
    return this.#streams.size - this.#spares.length;
  }

  /**
   * From now on the end of all connections at once is the loss of the host for whoever reads from
   * them, and `onAll` is called, perhaps several times.
   */
  watchEnds(onAll: () => void): void {
    this.#ends = new CommonEnd(onAll);
  }

  /**
   * From now on a stream that is cut off counts as one that has ended: the peer ends none as TLS demands
   * (RFC 8446, section 6.1), so the two cannot be told apart.
   */
  takeCutsForEnds(): void {
    const { peer } = wordsOf(this.endpoint);
    this.#log.info(
      `The ${peer} ends streams without close_notify; the engine is asked how they end`,
    );
    this.#takesCutsForEnds = true;
  }

  /** A new connection. Throws `AgentError`: `unreachable`, `authentication`, `lost`. */
  async dial(signal?: AbortSignal): Promise<Duplex> {
    const closing = this.#closing.signal;
    if (closing.aborted) throw aborted(this.endpoint);
    const both = signal === undefined ? closing : AbortSignal.any([signal, closing]);
    let line: Line | undefined;
    const duplex = await this.#connect(both, (found) => line = found);
    if (closing.aborted) {
      duplex.close();
      throw aborted(this.endpoint);
    }
    this.#keep(duplex, line);
    return this.#ends?.watch(duplex, { takesCutsForEnds: this.#takesCutsForEnds }) ?? duplex;
  }

  #keep(duplex: Duplex, line: Line | undefined): void {
    this.#streams.set(duplex, line);
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS);
    void duplex.closed.then(() => {
      this.#streams.delete(duplex);
      if (this.#streams.size > 0) return;
      clearInterval(this.#looking);
      this.#looking = undefined;
    });
  }

  /** A connection at once if a spare one is there; others are dialed for those who come next. */
  async take(signal?: AbortSignal): Promise<Duplex> {
    const spare = this.#spares.shift();
    const dialing = spare === undefined ? this.dial(signal) : undefined;
    this.#refill();
    if (spare === undefined) return await dialing!;
    clearTimeout(spare.timer);
    let first: Promise<Uint8Array | null> | undefined = spare.first;
    return prefixed(spare.duplex, () => {
      const chunk = first ?? Promise.resolve(null);
      first = undefined;
      return chunk;
    });
  }

  /** Whether the host answers, be it with a refusal; also asked after {@link close}. */
  async reaches(signal: AbortSignal): Promise<boolean> {
    try {
      (await this.#connect(signal)).close();
      return true;
    } catch (error) {
      return isAnswer(error);
    }
  }

  /**
   * Gives up the connections from addresses that this machine no longer has: after a change of network
   * nothing will ever come over them, and nobody will say so.
   */
  closeStrayed(addresses: ReadonlySet<string> = localAddresses()): void {
    for (const line of [...this.#streams.values()]) {
      const { localAddress } = line ?? {};
      const from = localAddress === undefined ? undefined : knownAddress(localAddress);
      if (from !== undefined && !addresses.has(from)) line?.giveUp();
    }
  }

  #look(): void {
    this.closeStrayed();
    for (const line of [...this.#streams.values()]) {
      if (line?.isUnanswered() !== true) continue;
      this.#log.info("A connection to the remote host is dead: nobody takes what is sent over it");
      line.giveUp();
    }
  }

  #connect(signal: AbortSignal, onConnected?: (line: Line) => void): Promise<Duplex> {
    const { endpoint } = this;
    const options = {
      endpoint,
      signal,
      ...limitOf(endpoint),
      ...(onConnected && { onConnected }),
    };
    return this.#credentials === undefined
      ? dialPlain(options)
      : this.#connectTls(this.#credentials, options);
  }

  async #connectTls(credentials: Credentials, options: DialOptions): Promise<Duplex> {
    const { endpoint } = this;
    return await dialTls({
      ...options,
      context: await credentials.context(),
      insecure: endpoint.insecure === true,
      onServerCertificate: (validTo) => credentials.noteServer(validTo),
    });
  }

  #refill(): void {
    while (!this.closed && this.#spares.length + this.#dialing < MAX_SPARE) {
      this.#dialing++;
      void this.#dialSpare();
    }
  }

  async #dialSpare(): Promise<void> {
    try {
      const duplex = await this.dial();
      const first = duplex.read();
      const spare = { duplex, first, timer: setTimeout(() => this.#drop(spare), SPARE_LIFE_MS) };
      this.#spares.push(spare);
      // Before it is used, whatever comes is its end or a refusal.
      first.catch(() => null).then(() => this.#drop(spare));
    } catch (error) {
      // Whoever needs a connection will be told the same.
      const expected = error instanceof AgentError && error.kind === "lost";
      if (!expected) this.#log.debug(`No spare connection: ${describeError(error)}`);
    } finally {
      this.#dialing--;
    }
  }

  #drop(spare: Spare): void {
    clearTimeout(spare.timer);
    const at = this.#spares.indexOf(spare);
    // In use: its user reads what comes next.
    if (at < 0) return;
    this.#spares.splice(at, 1);
    spare.duplex.close();
  }

  /** Gives up all connections, of a host that is silent: for who reads from them they are lost. */
  giveUp(): void {
    for (const line of [...this.#streams.values()]) line?.giveUp();
  }

  /** Closes the spare connections, and all others as well if `everything`. Idempotent. */
  close({ everything }: { everything: boolean }): void {
    this.#closing.abort();
    for (const spare of [...this.#spares]) this.#drop(spare);
    if (everything) { for (const duplex of [...this.#streams.keys()]) duplex.close(); }
  }
}

function limitOf({ timeoutMs }: EndpointSettings): { timeoutMs?: number } {
  return timeoutMs === undefined ? {} : { timeoutMs };
}
