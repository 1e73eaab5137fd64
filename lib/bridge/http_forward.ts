/**
 * Requests in absolute form, sent on to where they belong: their bodies and answers are relayed byte
 * for byte, with the heads changed as a proxy has to. Owns the connection to the destination of the
 * last request, which the next one to the same destination uses again if it may be sent twice: the
 * destination may be ending the connection just then, and nobody could tell whether it took effect
 * (RFC 9112, section 9.3.1).
 */
import { messageOf } from "../errors.ts";
import { counted, type Counters } from "../forward/counters.ts";
import type { FramedStream } from "../http/framed_stream.ts";
import type { RequestHead } from "../http/head.ts";
import { asksForUpgrade, isHijacked } from "../http/hijack.ts";
import { bodyOf, type RequestMessage, staysOpen } from "../http/message.ts";
import { HttpParseError } from "../http/parse_error.ts";
import type { Logger } from "../log.ts";
import { formatHostPort } from "../net/address.ts";
import { pipe } from "../net/pipe.ts";
import { passOnEnd } from "../proxy/client_end.ts";
import { type Answer, brokenUpload, type Upload, Upstream } from "../proxy/upstream.ts";
import type { Dialer } from "./dialer.ts";
import { BridgeFailure } from "./failure.ts";
import { forwardedRequest, forwardedResponse } from "./http_head.ts";
import type { Destination } from "./socks_wire.ts";

/** What a forwarder works with. */
export interface ForwarderOptions {
  readonly client: FramedStream<RequestHead>;
  readonly dialer: Dialer;
  readonly counters: Counters;
  /** Aborts when the client or the bridge is gone. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

interface Kept {
  readonly where: string;
  readonly upstream: Upstream;
}

/** Sending one of them twice has the effect of sending it once (RFC 9110, section 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** See the file comment. */
export class HttpForwarder {
  readonly #options: ForwarderOptions;
  #kept: Kept | undefined;
  /** The connection that the answer under way comes over. */
  #answering: Upstream | undefined;
  #replyBegun = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** Whether the head of an answer is out, so that nothing but its body may follow. */
  get replyBegun(): boolean {
    return this.#replyBegun;
  }

  /** Closes what it keeps. */
  close(): void {
    this.#kept?.upstream.close();
    this.#kept = undefined;
    this.#answering?.close();
  }

  /** Sends one request on; whether another may follow. Throws `BridgeFailure`, or a parse error. */
  async forward(request: RequestMessage): Promise<boolean> {
    const proxied = forwardedRequest(request.head);
    if (proxied === undefined) {
      throw new HttpParseError(400, "A proxy takes http://HOST[:PORT]/…, or CONNECT");
    }
    const { destination, head } = proxied;
    const where = formatHostPort(destination.host, destination.port);
    // A body comes only once.
    const repeatable = IDEMPOTENT.has(head.method) && request.framing.kind === "none";
    if (repeatable) {
      await request.body.read();
      request.body = bodyOf(new Uint8Array(0));
    }
    const message = { ...request, head };
    const kept = this.#take(repeatable ? where : undefined);
    if (kept !== undefined) {
      try {
        return await this.#exchange(message, request, kept, where);
      } catch (error) {
        // A connection that was kept may have ended just now; one that is new tells more.
        if (this.#replyBegun || this.#options.signal.aborted) throw error;
      }
    }
    return await this.#exchange(message, request, await this.#dial(destination), where);
  }

  async #dial(destination: Destination): Promise<Upstream> {
    const { dialer, signal, counters } = this.#options;
    return new Upstream(counted(await dialer.dial(destination, signal), counters), "interactive");
  }

  async #exchange(
    message: RequestMessage,
    original: RequestMessage,
    upstream: Upstream,
    where: string,
  ): Promise<boolean> {
    const { client, signal } = this.#options;
    let answer: Answer | undefined;
    const abort = () => upstream.close();
    signal.addEventListener("abort", abort, { once: true });
    try {
      answer = await upstream.exchange(message, {
        onInterim: (bytes) => client.write(bytes),
        onSending: (_, upload) => this.#watchClient(original.head, upstream, upload),
      });
      return await this.#answer(answer, original, upstream, where);
    } catch (error) {
      upstream.close();
      const broken = answer && await brokenUpload(answer.upload);
      throw broken ?? (this.#replyBegun ? error : noAnswer(where, error));
    } finally {
      signal.removeEventListener("abort", abort);
      this.#answering = undefined;
    }
  }

  #watchClient(head: RequestHead, upstream: Upstream, upload: Promise<Upload>): void {
    this.#answering = upstream;
    if (asksForUpgrade(head)) return;
    const isCurrent = () => this.#answering === upstream;
    passOnEnd(this.#options.client, { upstream, upload, isCurrent }).catch(() => {
      // The client is gone, and with it whoever would read the answer.
      if (isCurrent()) upstream.close();
    });
  }

  async #answer(
    { response, upload }: Answer,
    request: RequestMessage,
    upstream: Upstream,
    where: string,
  ): Promise<boolean> {
    const { client, signal } = this.#options;
    const isOver = isHijacked(response, false);
    const open = staysOpen(request) && staysOpen(response);
    const head = forwardedResponse(response.head, request.head, open);
    this.#replyBegun = true;
    await client.write(head);
    if (isOver) {
      await upload;
      await pipe(client.handOver({ held: true }), upstream.handOver(), { signal });
      return false;
    }
    for (let piece = await response.body.read(); piece; piece = await response.body.read()) {
      await client.write(piece.wire);
    }
    if (asksForUpgrade(request.head)) client.resume();
    this.#replyBegun = false;
    const again = open && (await upload).kind === "complete" && upstream.reusable;
    if (again) this.#keep({ where, upstream });
    else {
      upstream.close();
      await client.closeAfterReply();
    }
    return again;
  }

  #keep(kept: Kept): void {
    this.#kept = kept;
    void kept.upstream.whenStale().then(() => {
      if (this.#kept === kept) this.close();
    });
  }

  /** The connection that was kept, if it leads there; another one is closed. */
  #take(where: string | undefined): Upstream | undefined {
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept !== undefined && kept.where === where) return kept.upstream;
    kept?.upstream.close();
    return undefined;
  }
}

function noAnswer(where: string, error: unknown): unknown {
  if (error instanceof HttpParseError || error instanceof BridgeFailure) return error;
  return new BridgeFailure("failed", `No answer from ${where}: ${messageOf(error)}`, error);
}
