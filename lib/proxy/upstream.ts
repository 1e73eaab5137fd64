/**
 * One connection to the engine. It carries one exchange at a time and may be used again after it;
 * whoever acquired it from the pool owns it until it is released or closed.
 */
import { FramedStream } from "../http/framed_stream.ts";
import { HttpFramer } from "../http/framer.ts";
import { keepsAlive } from "../http/body_framing.ts";
import { encodeRequestHead, HeaderList, type ResponseHead } from "../http/head.ts";
import { type Body, bodyOf, firstBytes, isInterim, type RequestMessage } from "../http/message.ts";
import type { ResponseMessage } from "../http/message.ts";
import { ResponseParser } from "../http/parser.ts";
import type { Duplex } from "../net/duplex.ts";
import type { Lane } from "../transport/transport.ts";

/**
 * How the sending of a request ended: all of it is sent, the engine took no more of it, or the
 * client failed to deliver it.
 */
export type Upload =
  | { kind: "complete" }
  | { kind: "refused" }
  | { kind: "broken"; error: unknown };

/** An answer under way: its head is here, its body is to be read, the request may still be sent. */
export interface Answer {
  response: ResponseMessage;
  /** Never rejects. */
  upload: Promise<Upload>;
}

/** What the sender of a request wants to know before the answer is there. */
export interface ClientSide {
  /** A response that is not the final one, as bytes. */
  onInterim(bytes: Uint8Array): Promise<void>;
  /** The request is on its way over `upstream`. */
  onSending(upstream: Upstream, upload: Promise<Upload>): void;
}

/** For questions of our own. */
const SILENT_CLIENT: ClientSide = { onInterim: () => Promise.resolve(), onSending: () => {} };

function pingFor(host: string): RequestMessage {
  const headers = new HeaderList([["Host", host]]);
  const head = { method: "HEAD", target: "/_ping", version: "1.1" as const, headers };
  const raw = encodeRequestHead(head);
  return { head: { ...head, raw }, framing: { kind: "none" }, body: bodyOf(new Uint8Array()) };
}

/** What the client did wrong, if its part of the exchange has failed by now. */
export async function brokenUpload(upload: Promise<Upload>): Promise<unknown> {
  const sofar = await Promise.race([upload, undefined]);
  return sofar?.kind === "broken" ? sofar.error : undefined;
}

/** The engine ended the connection before it answered. */
class NoAnswerError extends Error {
  override readonly name = "NoAnswerError";
}

/** See the file comment. */
export class Upstream {
  readonly lane: Lane;
  /** When it became idle, by the clock of its pool. */
  idleSince = 0;
  readonly #parser = new ResponseParser();
  readonly #stream: FramedStream<ResponseHead>;
  #halfClosed = false;

  constructor(duplex: Duplex, lane: Lane) {
    this.lane = lane;
    this.#stream = new FramedStream(duplex, new HttpFramer(this.#parser));
  }

  /**
   * Sends a request and returns its answer as soon as the final head is here. Throws
   * {@link NoAnswerError}, or what the stream, the parser or `client` threw.
   */
  async exchange(request: RequestMessage, client: ClientSide): Promise<Answer> {
    this.#parser.expect(request.head.method);
    await this.#stream.write(firstBytes(request));
    const upload = this.#send(request.body);
    client.onSending(this, upload);
    try {
      return { response: await this.#finalResponse(client), upload };
    } catch (error) {
      throw await brokenUpload(upload) ?? error;
    }
  }

  async #finalResponse(client: ClientSide): Promise<ResponseMessage> {
    for (;;) {
      const event = await this.#stream.next();
      if (event === null) throw new NoAnswerError("The engine closed the connection");
      if (event.type !== "head") continue;
      if (isInterim(event.head)) await client.onInterim(event.head.raw);
      else return { head: event.head, framing: event.framing, body: this.#stream.body() };
    }
  }

  async #send(body: Body): Promise<Upload> {
    for (;;) {
      let piece;
      try {
        piece = await body.read();
      } catch (error) {
        this.close();
        return { kind: "broken", error };
      }
      if (piece === null) return { kind: "complete" };
      try {
        await this.#stream.relay(piece);
      } catch {
        // The engine has closed its reading half, perhaps after an answer that is still to be read.
        return { kind: "refused" };
      }
    }
  }

  /**
   * Whether something at the other end answers within `ms` and takes another request after that. The
   * connection is idle; `host` is the name it goes by. Never rejects.
   */
  async isAlive(host: string, ms: number): Promise<boolean> {
    const timer = setTimeout(() => this.close(), ms);
    try {
      const { response } = await this.exchange(pingFor(host), SILENT_CLIENT);
      while (await response.body.read() !== null);
      return keepsAlive(response.head);
    } catch {
      // It is of no use, whatever the reason.
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Settles, never rejecting, when an idle connection is of no more use. */
  async whenStale(): Promise<void> {
    await this.#stream.ahead().catch(() => null);
  }

  /** Ends our direction: the client has ended its own. The connection cannot be used again. */
  endRequest(): void {
    this.#halfClosed = true;
    void this.#stream.closeWrite();
  }

  /** Whether another request may follow, as far as this end is concerned. */
  get reusable(): boolean {
    return !this.#halfClosed;
  }

  /** The rest of the connection as a plain stream, which belongs to the caller. */
  handOver(): Duplex {
    return this.#stream.handOver({ held: false });
  }

  /** Closes the connection. Idempotent. */
  close(): void {
    this.#stream.close();
  }
}
