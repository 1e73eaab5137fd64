/**
 * One client connection behind the TLS handshake: each of its requests is judged anew, by the policy of
 * that moment, and goes to the engine or the guest of the one host that the handshake named.
 */
import { ReplyError } from "../docker/error_reply.ts";
import type { Interceptor } from "../docker/exchange.ts";
import type { RequestHead } from "../http/head.ts";
import { HttpParseError } from "../http/parse_error.ts";
import { isClosedError, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import { ClientStream } from "../proxy/client_stream.ts";
import { ClientConnection } from "../proxy/connection.ts";
import type { ClientLimits } from "../proxy/limits.ts";
import type { Refusal } from "../proxy/refusal.ts";
import { UpstreamPool } from "../proxy/upstream_pool.ts";
import { AccessEntry } from "./access_log.ts";
import { forwarded } from "./forwarded.ts";
import type { ClientIdentity } from "./identity.ts";
import { isWelcome, judge, type Policy } from "./judge.ts";
import type { Ledger } from "./ledger.ts";
import type { GatewayObserver, RefusalKind } from "./observer.ts";

/** What a client connection needs of the gateway. */
export interface ClientContext {
  policy(): Policy;
  readonly ledger: Ledger;
  readonly limits: ClientLimits;
  readonly observer: GatewayObserver;
  readonly log: Logger;
}

/** Who is at the other end. */
export interface Peer {
  readonly identity: ClientIdentity;
  readonly serverName: string | undefined;
}

/** See the file comment. Owns the stream. */
export class GatewayClient {
  readonly identity: ClientIdentity;
  readonly #serverName: string | undefined;
  readonly #context: ClientContext;
  readonly #connection: ClientConnection;
  #sent = 0;
  #entry: AccessEntry | undefined;
  /** The request under way, as the client made it. */
  #head: RequestHead | undefined;
  #pool: UpstreamPool | undefined;
  /** What the entry of a request tells already. */
  #told: unknown;

  constructor(duplex: Duplex, { identity, serverName }: Peer, context: ClientContext) {
    this.identity = identity;
    this.#serverName = serverName;
    this.#context = context;
    const { log, observer } = context;
    const stream = new ClientStream(duplex, context.limits, {
      received: (bytes) => observer.received(bytes),
      sent: (bytes) => {
        this.#sent += bytes;
        observer.sent(bytes);
      },
      limited: (event) => {
        observer.limited(event);
        log.info("Ended a connection", { reason: event });
      },
    });
    const layers = [this.#layer()];
    this.#connection = new ClientConnection(stream, {
      poolFor: () => this.#poolInUse(),
      interceptors: () => layers,
      guard: () => undefined,
      openRaw: () => Promise.reject(new ReplyError(400, "The request is not HTTP/1.1")),
      onRefusal: (refusal, error) => this.#noteRefusal(refusal, error),
      observer,
      log,
    });
  }

  /** Serves the client until either side ends; never rejects. */
  async serve(): Promise<void> {
    const { observer } = this.#context;
    const host = this.#knownHost();
    const since = performance.now();
    observer.clientConnected();
    if (host !== undefined) observer.hostEntered(host);
    await this.#connection.serve();
    this.#entry?.end();
    if (host !== undefined) observer.hostLeft(host);
    observer.clientLeft(performance.now() - since);
  }

  /** Ends the connection now if it is idle, otherwise after the exchange under way. */
  drain(): void {
    this.#connection.drain();
  }

  /** Ends the connection at once. */
  close(): void {
    this.#connection.close();
  }

  /** Whether the policy of now allows the connection and what goes on over it. */
  isAllowed(): boolean {
    const petition = this.#petition();
    const policy = this.#context.policy();
    if (this.#head === undefined) return isWelcome(petition, policy);
    return judge({ ...petition, head: this.#head }, policy).kind === "pass";
  }

  #petition() {
    return { client: this.identity, serverName: this.#serverName, now: Date.now() };
  }

  #poolInUse(): UpstreamPool {
    if (this.#pool === undefined) throw new Error("A request was sent on without a verdict");
    return this.#pool;
  }

  #layer(): Interceptor {
    return async (exchange, next) => {
      const { request } = exchange;
      const { head } = request;
      const entry = this.#newEntry(head);
      this.#head = undefined;
      try {
        const { to, upstreams } = this.#admit(head);
        this.#head = head;
        this.#pool = upstreams.pool;
        exchange.request = forwarded(request, this.identity, { kind: to, upstreams });
        return entry.watch(await next());
      } catch (error) {
        this.#told = error;
        if (error instanceof Refused) this.#context.observer.refused(error.what);
        entry.end(...endOf(error));
        throw error;
      }
    };
  }

  #newEntry(head: RequestHead | undefined): AccessEntry {
    this.#entry?.end();
    const host = this.#knownHost();
    return this.#entry = new AccessEntry(head, {
      who: { client: this.identity.label, host: this.#serverName ?? "-" },
      sent: () => this.#sent,
      onEnd: ({ status, bytes }) => {
        if (host !== undefined) this.#context.observer.hostServed(host, status, bytes);
      },
    });
  }

  /** Something that was no request, or did not come in time. */
  #noteRefusal({ status, message }: Refusal, error: unknown): void {
    if (error === this.#told) return;
    this.#context.observer.refused("malformed");
    this.#newEntry(undefined).refuse(status, message);
  }

  /** The host of the handshake, if there is one of this name. */
  #knownHost(): string | undefined {
    const name = this.#serverName;
    return name !== undefined && this.#context.policy().hosts.has(name) ? name : undefined;
  }

  /** Throws what the client is told when the request does not pass. */
  #admit(head: RequestHead) {
    if (!this.#context.ledger.request(this.identity.fingerprint)) {
      const reason = "over the limit of requests";
      throw new Refused(429, "requests", "Too many requests from this client", reason);
    }
    const verdict = judge({ ...this.#petition(), head }, this.#context.policy());
    if (verdict.kind === "pass") return verdict;
    throw new Refused(verdict.status, verdict.what, verdict.message, verdict.reason);
  }
}

/** A refusal whose reason is for the log. */
class Refused extends ReplyError {
  readonly what: RefusalKind;
  readonly reason: string;

  constructor(status: number, what: RefusalKind, message: string, reason: string) {
    super(status, message);
    this.what = what;
    this.reason = reason;
  }
}

/** Status and reason for the access log; no status where the client is gone. */
function endOf(error: unknown): [number | undefined, string | undefined] {
  if (error instanceof Refused) return [error.status, error.reason];
  if (error instanceof ReplyError || error instanceof HttpParseError) {
    return [error.status, error.message];
  }
  return [undefined, isClosedError(error) ? undefined : messageOf(error)];
}
