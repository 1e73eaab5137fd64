/**
 * The HTTP proxy for one client: CONNECT, requests in absolute form one after another, and the PAC
 * file. It owns the client's stream and at most one connection to a destination, kept for the next
 * request to the same one.
 *
 * A web page cannot use it by itself: scripts can send neither CONNECT nor an absolute target to a
 * server, and what they can send (origin form) is answered with the PAC file at most, after the same
 * checks as the Docker API's.
 */
import type { Emit } from "../agent_event.ts";
import { isClosedError, messageOf } from "../errors.ts";
import { ReplyError } from "../docker/error_reply.ts";
import { FramedStream } from "../http/framed_stream.ts";
import { HttpFramer } from "../http/framer.ts";
import type { RequestHead } from "../http/head.ts";
import { asksForUpgrade } from "../http/hijack.ts";
import type { RequestMessage } from "../http/message.ts";
import { HttpParseError } from "../http/parse_error.ts";
import { RequestParser } from "../http/parser.ts";
import { checkClientHeaders } from "../listen/host_policy.ts";
import type { Logger } from "../log.ts";
import { ClientStream } from "../proxy/client_stream.ts";
import { UNLIMITED } from "../proxy/limits.ts";
import { NO_OBSERVER } from "../proxy/observer.ts";
import type { Dialer } from "./dialer.ts";
import { BridgeFailure } from "./failure.ts";
import { parseAuthority } from "./http_head.ts";
import { CHALLENGE, ESTABLISHED, parseCredentials, reply, STATUS_FOR } from "./http_reply.ts";
import { HttpForwarder } from "./http_forward.ts";
import type { BridgeClient } from "./listener.ts";
import { PAC_TYPE, pacFile } from "./pac.ts";
import type { BridgeRule } from "./rules.ts";
import { HANDSHAKE_MS, join, whileOpen } from "./tunnel.ts";
import type { CheckUser } from "./users.ts";

/** What an HTTP proxy is made of. */
export interface HttpProxyOptions {
  readonly dialer: Dialer;
  readonly rules: readonly BridgeRule[];
  /** Who may use it. Absent: whoever can connect. */
  readonly checkUser?: CheckUser;
  readonly log: Logger;
  readonly emit: Emit;
}

/** How long a client's connection may stay open between two requests. */
const IDLE_MS = 120_000;
/** A head has to be complete in time; bodies and answers take as long as they take. */
const LIMITS = { ...UNLIMITED, idleMs: IDLE_MS, readMs: HANDSHAKE_MS };
const PAC_PATHS = ["/proxy.pac", "/wpad.dat"];

/** An answer that ends the connection. */
class Refused extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** Serves one client to its end. */
export function serveHttpProxy(client: BridgeClient, options: HttpProxyOptions): Promise<void> {
  const log = options.log.with({ client: client.remote });
  return new ProxyConnection(client, { ...options, log }).serve();
}

class ProxyConnection {
  readonly #client: BridgeClient;
  readonly #options: HttpProxyOptions;
  readonly #stream: ClientStream;
  readonly #framed: FramedStream<RequestHead>;
  readonly #forwarder: HttpForwarder;
  #method = "";

  constructor(client: BridgeClient, options: HttpProxyOptions) {
    this.#client = client;
    this.#options = options;
    this.#stream = new ClientStream(client.duplex, LIMITS, NO_OBSERVER);
    const framer = new HttpFramer(new RequestParser(), { holdAfter: asksForUpgrade });
    this.#framed = new FramedStream(this.#stream, framer);
    this.#forwarder = new HttpForwarder({
      client: this.#framed,
      dialer: options.dialer,
      counters: client.counters,
      signal: whileOpen(client.duplex, client.signal),
      log: options.log,
    });
  }

  async serve(): Promise<void> {
    try {
      while (await this.#serveNext());
    } catch (error) {
      await this.#refuse(error);
    } finally {
      this.#forwarder.close();
      this.#framed.close();
    }
  }

  /** Serves one request; whether another may follow. */
  async #serveNext(): Promise<boolean> {
    this.#stream.enter("idle");
    const event = await this.#framed.next();
    this.#stream.enter("free");
    if (event === null) return false;
    if (event.type !== "head") throw new Refused(400, "The client does not speak HTTP");
    const { head, framing } = event;
    this.#method = head.method;
    if (head.target.startsWith("/")) throw this.#ownAnswer(head);
    this.#authenticate(head);
    const request = { head, framing, body: this.#framed.body() };
    if (head.method === "CONNECT") return await this.#tunnel(request);
    return await this.#forwarder.forward(request);
  }

  #authenticate({ headers }: RequestHead): void {
    const { checkUser } = this.#options;
    if (checkUser === undefined) return;
    const given = parseCredentials(headers.get("Proxy-Authorization"));
    if (given !== undefined && checkUser(given.user, given.password)) return;
    const why = given === undefined ? "This proxy asks for a user" : "Wrong user or password";
    throw new Refused(407, why, CHALLENGE);
  }

  async #tunnel({ head, framing, body }: RequestMessage): Promise<false> {
    const destination = parseAuthority(head.target);
    if (destination === undefined || framing.kind !== "none") {
      throw new Refused(400, "CONNECT takes HOST:PORT and no body");
    }
    const { log, dialer } = this.#options;
    await body.read();
    const { duplex, signal } = this.#client;
    const upstream = await dialer.dial(destination, whileOpen(duplex, signal));
    log.debug("Connected", { to: head.target });
    try {
      await this.#framed.write(ESTABLISHED);
    } catch (error) {
      upstream.close();
      throw error;
    }
    await join(this.#framed.handOver({ held: true }), upstream, this.#client, log);
    return false;
  }

  /** What is asked of the proxy itself, as of any web server. */
  #ownAnswer(head: RequestHead): Refused {
    const { headers, method, target } = head;
    const host = headers.get("Host");
    const site = headers.get("Sec-Fetch-Site");
    const refusal = checkClientHeaders(host, headers.get("Origin"), site);
    if (refusal !== undefined) return new Refused(refusal.status, refusal.message);
    const [path = ""] = target.split("?", 1);
    if (!PAC_PATHS.includes(path) || !/^(GET|HEAD)$/.test(method)) {
      return new Refused(404, `This is a proxy; its configuration is at ${PAC_PATHS[0]}`);
    }
    const { local } = this.#client;
    const here = { host: local.host.replace(/^::ffff:/, ""), port: local.port };
    const pac = pacFile(this.#options.rules, here);
    return new Refused(200, pac, { "Content-Type": PAC_TYPE });
  }

  /** Tells the client why, as far as it is still there to be told. */
  async #refuse(error: unknown): Promise<void> {
    const { log, emit } = this.#options;
    this.#stream.enter("free");
    const refused = refusalOf(error);
    if (refused === undefined || this.#client.signal.aborted) return;
    const { status, message, headers } = refused;
    if (this.#forwarder.replyBegun) return log.info(`An answer was cut short: ${message}`);
    if (status !== 200) log.info(`Refused a request: ${message}`, { status });
    if (error instanceof Refused && status !== 200) {
      emit({ kind: "client.refused", client: this.#client.remote, reason: message });
    }
    const body = status === 200 ? message : `remote-docker-agent: ${message}\n`;
    try {
      await this.#framed.write(reply({ status, body, headers, head: this.#method === "HEAD" }));
      await this.#framed.closeAfterReply();
    } catch (failure) {
      log.debug(`The client was gone before its reply: ${messageOf(failure)}`);
    }
  }
}

/** What a client is told; nothing when it is gone itself. */
function refusalOf(error: unknown): Refused | undefined {
  if (error instanceof Refused) return error;
  if (error instanceof BridgeFailure) return new Refused(STATUS_FOR[error.kind], error.message);
  if (error instanceof HttpParseError) return new Refused(error.status, error.message);
  if (error instanceof ReplyError) {
    return new Refused(408, `The request did not arrive within ${HANDSHAKE_MS / 1000} s`);
  }
  if (isClosedError(error)) return undefined;
  return new Refused(502, messageOf(error));
}
