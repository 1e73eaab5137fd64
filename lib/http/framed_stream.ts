/**
 * One side of an HTTP connection: a Duplex with a framer on its reading half. The framed stream
 * owns the Duplex until it is closed or handed over to another protocol.
 */
import { discard } from "../net/discard.ts";
import type { Duplex } from "../net/duplex.ts";
import { endAfterReply } from "../net/end_after_reply.ts";
import { prefixed } from "../net/prefixed.ts";
import { DuplexSource } from "../net/source.ts";
import type { HttpFramer } from "./framer.ts";
import type { RequestHead, ResponseHead } from "./head.ts";
import { type Body, type BodyPiece, firstBytes, type Message } from "./message.ts";
import type { HttpEvent } from "./parser.ts";

/** How much of a closing connection is still read. */
const LINGER_BYTES = 256 * 1024;

/** See the file comment. */
export class FramedStream<H extends RequestHead | ResponseHead> {
  readonly #duplex: Duplex;
  readonly #source: DuplexSource;
  readonly #framer: HttpFramer<H>;
  readonly #more: () => Promise<Uint8Array | null>;
  #ahead: Promise<HttpEvent<H> | null> | undefined;

  constructor(duplex: Duplex, framer: HttpFramer<H>) {
    this.#duplex = duplex;
    this.#framer = framer;
    this.#source = new DuplexSource(duplex);
    this.#more = () => this.#source.read();
  }

  /** The next event; `null` at the orderly end of the connection. Rejects on a parse or I/O error. */
  next(): Promise<HttpEvent<H> | null> {
    const event = this.ahead();
    this.#ahead = undefined;
    return event;
  }

  /** The next event without taking it: how an idle connection notices that its peer is gone. */
  ahead(): Promise<HttpEvent<H> | null> {
    return this.#ahead ??= this.#framer.next(this.#more);
  }

  /** The body of the message whose head was the last event. */
  body(): Body {
    let ended = false;
    return {
      read: async () => {
        const piece = ended ? null : await this.#readBody();
        ended = piece === null;
        return piece;
      },
      ready: () => {
        const piece = ended ? null : this.#readyBody();
        ended = piece === null;
        return piece;
      },
    };
  }

  #readyBody(): BodyPiece | null | undefined {
    if (this.#ahead !== undefined) return undefined;
    try {
      const event = this.#framer.take();
      if (event === undefined || event?.type === "body") return event;
      return null;
    } catch {
      // The next read reports it.
      return undefined;
    }
  }

  async #readBody(): Promise<BodyPiece | null> {
    const event = await this.next();
    if (event === null || event.type === "end") return null;
    if (event.type !== "body") throw new Error(`A ${event.type} event came within a body`);
    return this.#source.isSole(event.wire) ? { ...event, sole: true } : event;
  }

  /** Writes bytes as they are. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#duplex.write(bytes);
  }

  /** Writes a message, whose head leaves with what has come of its body. */
  async send(message: Message<RequestHead | ResponseHead>): Promise<void> {
    await this.write(firstBytes(message));
    const { body } = message;
    for (let piece = await body.read(); piece !== null; piece = await body.read()) {
      await this.relay(piece);
    }
  }

  /** Writes a piece of a body that came over another connection, and gives its memory back. */
  async relay({ wire, sole = false }: BodyPiece): Promise<void> {
    await this.#duplex.write(wire);
    if (sole && this.#duplex.givesBack === true) discard(wire);
  }

  /** Ends our direction. */
  closeWrite(): Promise<void> {
    return this.#duplex.closeWrite();
  }

  /** Parses on after a message that could have ended HTTP on this connection and did not. */
  resume(): void {
    this.#framer.resume();
  }

  /**
   * Ends framing: what was read and not taken, then the rest of the connection, as a plain stream
   * that belongs to the caller. `held`: the last message is one that the framer was told to hold.
   */
  handOver(options: { held: boolean }): Duplex {
    if (options.held) this.#framer.switchToRaw();
    const rest = this.#source.release();
    let framed = true;
    return prefixed(this.#duplex, async () => {
      while (framed) {
        const event = await this.next();
        if (event === null) framed = false;
        else if (event.type === "raw") return event.bytes;
        else if (event.type === "body") return event.wire;
      }
      return await rest();
    });
  }

  /** Closes after a last reply whose reader may still be sending; see `endAfterReply`. */
  async closeAfterReply(): Promise<void> {
    const rest = () => prefixed(this.#duplex, this.#source.release());
    await endAfterReply(this.#duplex, LINGER_BYTES, rest);
    this.close();
  }

  /** Closes the connection. Idempotent. */
  close(): void {
    this.#duplex.close();
    // Whoever waited for the next event has been told by its rejection.
    this.#ahead?.catch(() => {});
  }
}
