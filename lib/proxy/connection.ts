/**
 * One client connection: request framer → route → onion or straight relay → engine → response →
 * perhaps a hijack. Requests on a connection are served one after another, as the engine does it, so
 * pipelined ones wait in the socket. The connection owns the client's stream, and each upstream
 * connection from its acquisition to its release.
 */
import { messageOf } from "../errors.ts";
import { compose } from "../docker/compose.ts";
import { errorReply, ReplyError } from "../docker/error_reply.ts";
import type { Exchange } from "../docker/exchange.ts";
import { matchRoute } from "../docker/route.ts";
import { FramedStream } from "../http/framed_stream.ts";
import { HttpFramer } from "../http/framer.ts";
import type { RequestHead } from "../http/head.ts";
import { isHijacked } from "../http/hijack.ts";
import {
  type Body,
  type RequestMessage,
  type ResponseMessage,
  staysOpen,
} from "../http/message.ts";
import { CONTINUE } from "../http/own_reply.ts";
import { HttpParseError } from "../http/parse_error.ts";
import { RequestParser } from "../http/parser.ts";
import { maskTarget } from "../intercept/mask.ts";
import type { Logger } from "../log.ts";
import { pipe } from "../net/pipe.ts";
import { passOnEnd } from "./client_end.ts";
import type { ClientStream } from "./client_stream.ts";
import type { ConnectionContext } from "./connection_context.ts";
import { type EngineAnswer, sendToEngine } from "./engine.ts";
import { spokenFor } from "./last_words.ts";
import { mayLeaveHttp } from "./may_leave_http.ts";
import { refusalOf } from "./refusal.ts";
import { brokenUpload, type Upload, type Upstream } from "./upstream.ts";

/** Made once: to make one, with its stack, takes longer than all else at the end of a connection. */
const GONE = new DOMException("The client is gone", "AbortError");

/** How long a client may take the reason why it is sent away. */
const DISMISS_MS = 500;

/** See the file comment. */
export class ClientConnection {
  readonly #context: ConnectionContext;
  readonly #stream: ClientStream;
  readonly #client: FramedStream<RequestHead>;
  readonly #log: Logger;
  readonly #gone = new AbortController();
  #busy = false;
  /** The client has ended its direction. */
  #isLeft = false;
  #draining = false;
  /** The head of an answer is out, so that nothing but its body may follow. */
  #replyBegun = false;
  #method = "";
  /** The connection that the answer under way comes over. */
  #answering: Upstream | undefined;
  /** Ends the answer under way with a last word, if somebody reads what comes of it. */
  #leave: (() => void) | undefined;

  constructor(stream: ClientStream, context: ConnectionContext) {
    this.#context = context;
    this.#log = context.log;
    this.#stream = stream;
    const framer = new HttpFramer(new RequestParser(), { holdAfter: mayLeaveHttp });
    this.#client = new FramedStream(stream, framer);
  }

  /** Serves the client until either side ends; never rejects. The stream is closed by then. */
  async serve(): Promise<void> {
    try {
      while (await this.#serveNext());
    } catch (error) {
      await this.#refuse(error);
    } finally {
      this.#gone.abort(GONE);
      this.#client.close();
    }
  }

  /** Ends the connection now if it is idle, otherwise after the exchange under way. */
  drain(): void {
    this.#draining = true;
    if (!this.#busy) this.close();
  }

  /** Ends the connection; who still waits for an answer is told why. */
  dismiss(): void {
    if (this.#leave !== undefined) return this.#endByLeaving(this.#leave);
    if (!this.#busy || this.#replyBegun) return this.close();
    const reply = errorReply(503, "remote-docker-agent is shutting down", { close: true });
    const timer = setTimeout(() => this.close(), DISMISS_MS);
    this.#replyBegun = true;
    this.#client.write(reply).catch(() => {}).finally(() => {
      clearTimeout(timer);
      this.close();
    });
  }

  /** The answer says why, and ends the connection by that; at the latest it ends in a moment. */
  #endByLeaving(leave: () => void): void {
    const timer = setTimeout(() => this.close(), DISMISS_MS);
    this.#gone.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
    leave();
  }

  /** Ends the connection at once. */
  close(): void {
    this.#gone.abort(GONE);
    // A client that has ended its direction is not noticed to be gone; its answer goes on.
    this.#answering?.close();
    this.#client.close();
  }

  /** Serves one request; whether another may follow. */
  async #serveNext(): Promise<boolean> {
    this.#stream.enter("idle");
    const first = await this.#client.ahead();
    if (first === null) return false;
    this.#busy = true;
    if (first.type === "raw") return await this.#relayRaw();
    await this.#client.next();
    if (first.type !== "head") throw new Error(`A ${first.type} event came between two requests`);
    const again = await this.#exchange({ ...first, body: this.#timedBody(first.framing) });
    this.#busy = false;
    return again && this.#draining ? await this.#closeAfterReply() : again;
  }

  /** The body of the request; once all of it is here, the client has nothing left to be late with. */
  #timedBody(framing: RequestMessage["framing"]): Body {
    const body = this.#client.body();
    if (framing.kind === "none") {
      this.#stream.enter("free");
      return body;
    }
    this.#stream.enter("body");
    return {
      read: async () => {
        const piece = await body.read();
        if (piece === null) this.#stream.enter("free");
        return piece;
      },
    };
  }

  /** A client that does not speak HTTP gets the engine's own opinion of what it does speak. */
  async #relayRaw(): Promise<false> {
    this.#stream.enter("free");
    const engine = await this.#context.openRaw();
    this.#log.info("The client does not speak HTTP/1.1; relaying its bytes as they are");
    await pipe(this.#client.handOver({ held: false }), engine, { signal: this.#gone.signal });
    return false;
  }

  async #exchange(request: RequestMessage): Promise<boolean> {
    const { head } = request;
    this.#method = head.method;
    const refusal = this.#context.guard(head);
    if (refusal !== undefined) throw new ReplyError(refusal.status, refusal.message);
    const route = matchRoute(head.method, head.target);
    let answer: EngineAnswer | undefined;
    const ask = async (current: Exchange) => {
      answer?.upstream.close();
      answer = await sendToEngine(this.#context.poolFor(current), current, {
        onInterim: (bytes) => this.#client.write(bytes),
        onSending: (upstream, upload) => this.#watchClient(head, upstream, upload),
      });
      return answer.response;
    };
    const exchange: Exchange = {
      request,
      route,
      log: this.#log,
      signal: this.#gone.signal,
      isLeft: () => this.#isLeft,
      hangUp: () => this.close(),
      again: (request) => ask({ ...exchange, request }),
      proceed: () => this.#client.write(CONTINUE),
    };
    const started = performance.now();
    const run = compose(this.#context.interceptors(route), ask);
    try {
      const response = await run(exchange);
      this.#noteAnswer(exchange, response, started);
      return await this.#answer(exchange, response, () => answer);
    } catch (error) {
      this.#answering = undefined;
      answer?.upstream.close();
      throw (answer && await brokenUpload(answer.upload)) ?? error;
    }
  }

  #watchClient(head: RequestHead, upstream: Upstream, upload: Promise<Upload>): void {
    this.#answering = upstream;
    if (mayLeaveHttp(head)) return;
    const isCurrent = () => this.#answering === upstream;
    const onEnd = () => void (this.#isLeft = true);
    passOnEnd(this.#client, { upstream, upload, isCurrent, onEnd }).catch((error) => {
      // Its turn comes after the answer to this one.
      if (error instanceof HttpParseError) return;
      this.#gone.abort(GONE);
      if (isCurrent()) upstream.close();
    });
  }

  async #answer(
    exchange: Exchange,
    response: ResponseMessage,
    answerOf: () => EngineAnswer | undefined,
  ): Promise<boolean> {
    const answer = answerOf();
    const held = mayLeaveHttp(exchange.request.head);
    this.#replyBegun = true;
    if (answer !== undefined && isHijacked(response, held)) {
      await this.#client.write(response.head.raw);
      return await this.#tunnel(exchange, answer).finally(() => answerOf()?.upstream.close());
    }
    this.#leave = exchange.leave;
    await this.#client.send(response);
    this.#leave = undefined;
    if (held) this.#client.resume();
    const open = staysOpen(exchange.request) && staysOpen(response);
    const last = answerOf();
    const again = last === undefined
      ? open && exchange.request.framing.kind === "none" && await this.#skip(exchange.request)
      : await this.#finish(last, open);
    this.#replyBegun = false;
    return again || await this.#closeAfterReply();
  }

  /** Returns the upstream connection to the pool where both sides are at the end of a message. */
  async #finish({ upload, upstream, pool }: EngineAnswer, open: boolean): Promise<boolean> {
    this.#answering = undefined;
    const reusable = open && (await upload).kind === "complete";
    if (reusable) pool.release(upstream);
    else upstream.close();
    return reusable;
  }

  /** Steps over the end of a request without a body that was answered without the engine. */
  async #skip(request: RequestMessage): Promise<true> {
    await request.body.read();
    return true;
  }

  async #closeAfterReply(): Promise<false> {
    await this.#client.closeAfterReply();
    return false;
  }

  async #tunnel(exchange: Exchange, { response, upload, upstream }: EngineAnswer): Promise<false> {
    await upload;
    this.#stream.enter("free");
    const own = this.#client.handOver({ held: true });
    const client = exchange.ofClient?.(own) ?? own;
    const engine = upstream.handOver();
    const spoken = spokenFor(exchange, response.head, engine);
    if (spoken !== undefined) this.#leave = () => spoken.leave();
    const result = await pipe(client, spoken ?? engine, { signal: this.#gone.signal });
    this.#log.debug("The hijacked connection ended", { ...result });
    return false;
  }

  /** Tells the client why, as far as it is still there to be told. */
  async #refuse(error: unknown): Promise<void> {
    this.#stream.enter("free");
    const refusal = refusalOf(error);
    if (refusal === undefined) return;
    const kind = refusal.status === 502 || refusal.status === 503 ? "connection" : "socket";
    this.#context.observer.failed(kind, refusal.message);
    if (this.#replyBegun) {
      this.#log.info(`An answer was cut short: ${refusal.message}`);
      return;
    }
    this.#log.info(`Refused a request: ${refusal.message}`, { status: refusal.status });
    this.#context.onRefusal?.(refusal, error);
    try {
      const options = { close: true, head: this.#method === "HEAD" };
      await this.#client.write(errorReply(refusal.status, refusal.message, options));
      await this.#client.closeAfterReply();
    } catch (failure) {
      this.#log.debug(`The client was gone before its reply: ${messageOf(failure)}`);
    }
  }

  #noteAnswer({ request: { head }, route }: Exchange, response: ResponseMessage, started: number) {
    const { status } = response.head;
    const ms = performance.now() - started;
    this.#context.observer.answered(route?.name ?? "Other", status, ms);
    if (!this.#log.enabled("debug")) return;
    this.#log.debug(`${head.method} ${maskTarget(head.target)}`, {
      status,
      ms: Math.round(ms * 10) / 10,
    });
  }
}
