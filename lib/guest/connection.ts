/**
 * One client of the guest, from its first byte to its last: requests one after another, until one of
 * them takes the stream or something is wrong. Owns the stream until a handler takes it.
 */
import { isClosedError, messageOf } from "../errors.ts";
import { ReplyError } from "../docker/error_reply.ts";
import { expectsContinue, keepsAlive } from "../http/body_framing.ts";
import { FramedStream } from "../http/framed_stream.ts";
import { HttpFramer } from "../http/framer.ts";
import type { RequestHead } from "../http/head.ts";
import { asksForUpgrade } from "../http/hijack.ts";
import type { Body } from "../http/message.ts";
import { CONTINUE } from "../http/own_reply.ts";
import { HttpParseError } from "../http/parse_error.ts";
import { type HttpEvent, RequestParser } from "../http/parser.ts";
import type { Logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import { ClientStream } from "../proxy/client_stream.ts";
import { UNLIMITED } from "../proxy/limits.ts";
import type { ProxyObserver, RouteLabel } from "../proxy/observer.ts";
import { type AccessRules, admit, type Peer } from "./access.ts";
import type { Exchange } from "./exchange.ts";
import type { GuestLimits } from "./limits.ts";
import { encodeReply, encodeUpgrade, errorAnswer, type Reply } from "./reply.ts";
import type { Router } from "./routes.ts";

/** What connections of one guest share. */
export interface ConnectionContext {
  readonly route: Router;
  readonly access: AccessRules;
  readonly limits: GuestLimits;
  readonly draining: AbortSignal;
  readonly stopped: AbortSignal;
  readonly observer: ProxyObserver;
  readonly log: Logger;
}

type HeadEvent = Extract<HttpEvent<RequestHead>, { type: "head" }>;
/** Whom a gateway speaks for. Anybody can send it, so it is for the log alone, and beside the client's name. */
const CLIENT_NAME = "X-Client-Certificate-Name";
const MAX_CLAIM_CHARS = 200;
const FAILED = "the guest failed; see its log";

/** See the file comment. */
export class GuestConnection {
  readonly #context: ConnectionContext;
  readonly #peer: Peer;
  readonly #stream: ClientStream;
  readonly #client: FramedStream<RequestHead>;
  #received = 0;
  #sent = 0;
  #idle = true;
  #draining = false;

  constructor(duplex: Duplex, peer: Peer, context: ConnectionContext) {
    const { idleMs, readMs, writeMs } = context.limits;
    this.#context = context;
    this.#peer = peer;
    const limits = { ...UNLIMITED, idleMs, readMs, writeMs };
    this.#stream = new ClientStream(duplex, limits, {
      received: (bytes) => {
        this.#received += bytes;
        context.observer.received(bytes);
      },
      sent: (bytes) => {
        this.#sent += bytes;
        context.observer.sent(bytes);
      },
      limited: (event) => {
        context.observer.limited(event);
        const level = event === "idle_timeout" ? "debug" : "info";
        context.log[level]("Gave up on a client", { remote: peer.remote, event });
      },
    });
    const framer = new HttpFramer(new RequestParser(), { holdAfter: asksForUpgrade });
    this.#client = new FramedStream(this.#stream, framer);
  }

  /** Serves the client to its end; never rejects. */
  async serve(): Promise<void> {
    try {
      while (await this.#serveNext());
    } catch (error) {
      await this.#giveUp(error);
    } finally {
      this.close();
    }
  }

  /** Answers the request under way, and no further one. */
  drain(): void {
    this.#draining = true;
    if (this.#idle) this.close();
  }

  close(): void {
    this.#client.close();
  }

  /** Whether another request may follow. */
  async #serveNext(): Promise<boolean> {
    this.#idle = true;
    const before = { received: this.#received, sent: this.#sent };
    // Anybody can connect and say nothing; only who has asked before may take a while.
    this.#stream.enter(this.#received === 0 ? "head" : "idle");
    const event = await this.#client.next();
    if (event === null || event.type !== "head") return false;
    this.#idle = false;
    this.#stream.enter("free");
    return await new Answering(this.#parts(before), event).run();
  }

  #parts(before: Bytes): Parts {
    return {
      context: this.#context,
      peer: this.#peer,
      stream: this.#stream,
      client: this.#client,
      isLast: () => this.#draining,
      bytes: () => ({
        received: this.#received - before.received,
        sent: this.#sent - before.sent,
      }),
    };
  }

  /** Something that is no request. */
  async #giveUp(error: unknown): Promise<void> {
    const { log } = this.#context;
    const { remote } = this.#peer;
    if (!(error instanceof HttpParseError || error instanceof ReplyError)) {
      if (!isClosedError(error)) log.debug("Lost a client", { remote, error: messageOf(error) });
      return;
    }
    const why = wordsOf(error);
    this.#context.observer.failed("socket", why);
    log.info("Refused what is no request", { remote, status: error.status, why });
    try {
      await this.#client.write(encodeReply(errorAnswer(error.status, why), true));
      await this.#client.closeAfterReply();
    } catch (failure) {
      log.debug("The client was gone before its answer", { remote, error: messageOf(failure) });
    }
  }
}

/** Without the option of `start` that bounds the same there. */
function wordsOf({ message }: Error): string {
  return message.replace(/ \(--read-timeout\)$/, "");
}

/** What went over a connection. */
interface Bytes {
  readonly received: number;
  readonly sent: number;
}

interface Parts {
  readonly context: ConnectionContext;
  readonly peer: Peer;
  readonly stream: ClientStream;
  readonly client: FramedStream<RequestHead>;
  isLast(): boolean;
  /** Since the end of the request before. */
  bytes(): Bytes;
}

/** One request, from its head to its answer and its line in the log. */
class Answering {
  readonly #parts: Parts;
  readonly #event: HeadEvent;
  readonly #fields: Record<string, unknown> = {};
  readonly #since = performance.now();
  #who = "unknown";
  #label: RouteLabel = "Other";
  #bodyTaken: Body | undefined;
  #upgraded = false;

  constructor(parts: Parts, event: HeadEvent) {
    this.#parts = parts;
    this.#event = event;
  }

  async run(): Promise<boolean> {
    const reply = await this.#answer();
    if (!this.#upgraded) this.#count(reply?.status ?? 500);
    try {
      return reply !== undefined && !this.#upgraded && await this.#send(reply);
    } finally {
      this.#log(reply?.status ?? 101);
    }
  }

  /** Whether another request may follow. */
  async #send(reply: Reply): Promise<boolean> {
    const { client } = this.#parts;
    const open = await this.#canGoOn(reply);
    await client.write(encodeReply(reply, !open));
    if (!open) await client.closeAfterReply();
    return open;
  }

  async #answer(): Promise<Reply | undefined> {
    const { context, peer } = this.#parts;
    const { head } = this.#event;
    try {
      this.#who = await admit(head, peer, context.access);
      const { label, handler } = context.route(head);
      this.#label = label;
      return await handler(this.#exchange());
    } catch (error) {
      if (error instanceof ReplyError || error instanceof HttpParseError) {
        this.#fields["why"] = wordsOf(error);
        return errorAnswer(error.status, wordsOf(error));
      }
      // A client that leaves in the middle is not a failure of ours.
      if (!isClosedError(error)) context.log.error(`Cannot answer: ${messageOf(error)}`);
      return errorAnswer(500, FAILED);
    }
  }

  #exchange(): Exchange {
    const { framing, head } = this.#event;
    const { kind } = framing;
    return {
      head,
      length: kind === "none" ? "none" : kind === "length" ? framing.length : "unknown",
      draining: this.#parts.context.draining,
      stopped: this.#parts.context.stopped,
      body: () => this.#body(),
      upgrade: (headers = []) => this.#upgrade(headers),
      note: (fields) => void Object.assign(this.#fields, fields),
    };
  }

  async #body(): Promise<Body> {
    const { stream, client } = this.#parts;
    if (expectsContinue(this.#event.head)) await client.write(CONTINUE);
    stream.enter("body");
    const body = client.body();
    this.#bodyTaken = {
      async read() {
        const piece = await body.read();
        if (piece === null) stream.enter("free");
        return piece;
      },
    };
    return this.#bodyTaken;
  }

  async #upgrade(headers: readonly (readonly [string, string])[]): Promise<Duplex> {
    const { client, stream } = this.#parts;
    stream.enter("free");
    this.#upgraded = true;
    this.#count(101);
    await client.write(encodeUpgrade(headers));
    return client.handOver({ held: true });
  }

  #count(status: number): void {
    const { observer } = this.#parts.context;
    observer.answered(this.#label, status, performance.now() - this.#since);
  }

  /** After a refusal, what the client still sends is not waited for. */
  async #canGoOn({ status }: Reply): Promise<boolean> {
    const { head, framing } = this.#event;
    if (this.#parts.isLast() || !keepsAlive(head) || asksForUpgrade(head)) return false;
    if (status >= 400 && (framing.kind !== "none" || status < 404)) return false;
    if (framing.kind === "none") return await this.#parts.client.next() !== null;
    return this.#bodyTaken !== undefined && await this.#bodyTaken.read() === null;
  }

  #log(status: number): void {
    const { context, peer, bytes } = this.#parts;
    const { method, target, headers } = this.#event.head;
    const claim = headers.get(CLIENT_NAME)?.slice(0, MAX_CLAIM_CHARS);
    context.log.info(`${method} ${target.split("?", 1)[0]}`, {
      status,
      who: this.#who,
      ...(claim !== undefined && { for: claim }),
      remote: peer.remote,
      ...bytes(),
      ms: Math.round(performance.now() - this.#since),
      ...this.#fields,
    });
  }
}
