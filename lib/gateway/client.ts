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
import { NO_OBSERVER } from "../proxy/observer.ts";
import { UpstreamPool } from "../proxy/upstream_pool.ts";
import { AccessEntry } from "./access_log.ts";
import { forwarded } from "./forwarded.ts";
import type { ClientIdentity } from "./identity.ts";
import { isWelcome, judge, type Policy } from "./judge.ts";
import type { Ledger } from "./ledger.ts";

/** What a client connection needs of the gateway. */
export interface ClientContext {
  policy(): Policy;
  readonly ledger: Ledger;
  readonly limits: ClientLimits;
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

  constructor(duplex: Duplex, { identity, serverName }: Peer, context: ClientContext) {
    this.identity = identity;
    this.#serverName = serverName;
    this.#context = context;
    const { log } = context;
    const stream = new ClientStream(duplex, context.limits, {
      received() {},
      sent: (bytes) => this.#sent += bytes,
      limited: (event) => log.info("Ended a connection", { reason: event }),
    });
    const layers = [this.#layer()];
    this.#connection = new ClientConnection(stream, {
      poolFor: () => this.#poolInUse(),
      interceptors: () => layers,
      guard: () => undefined,
      openRaw: () => Promise.reject(new ReplyError(400, "The request is not HTTP/1.1")),
      observer: NO_OBSERVER,
      log,
    });
  }

  /** Serves the client until either side ends; never rejects. */
  async serve(): Promise<void> {
    await this.#connection.serve();
    this.#entry?.end();
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
      this.#entry?.end();
      const who = { client: this.identity.label, host: this.#serverName ?? "-" };
      const entry = this.#entry = new AccessEntry(head, who, () => this.#sent);
      this.#head = undefined;
      try {
        const { to, upstreams } = this.#admit(head);
        this.#head = head;
        this.#pool = upstreams.pool;
        exchange.request = forwarded(request, this.identity, { kind: to, upstreams });
        return entry.watch(await next());
      } catch (error) {
        entry.end(...endOf(error));
        throw error;
      }
    };
  }

  /** Throws what the client is told when the request does not pass. */
  #admit(head: RequestHead) {
    if (!this.#context.ledger.request(this.identity.fingerprint)) {
      throw new Refused(429, "Too many requests from this client", "over the limit of requests");
    }
    const verdict = judge({ ...this.#petition(), head }, this.#context.policy());
    if (verdict.kind === "pass") return verdict;
    throw new Refused(verdict.status, verdict.message, verdict.reason);
  }
}

/** A refusal whose reason is for the log. */
class Refused extends ReplyError {
  readonly reason: string;

  constructor(status: number, message: string, reason: string) {
    super(status, message);
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
