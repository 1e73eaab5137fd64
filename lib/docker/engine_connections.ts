/**
 * Connections of the agent's own to the engine, of which a few are kept open between requests, so that
 * one costs a single round trip. Owns those that are kept; whoever takes or makes one owns that.
 */
import { FramedStream } from "../http/framed_stream.ts";
import { HttpFramer } from "../http/framer.ts";
import type { ResponseHead } from "../http/head.ts";
import { ResponseParser } from "../http/parser.ts";
import type { Duplex } from "../net/duplex.ts";

/** One connection and its parser, which is told what it answers. */
export interface EngineConnection {
  readonly parser: ResponseParser;
  readonly stream: FramedStream<ResponseHead>;
}

/** Opens a stream to the engine, waiting for the transport where needed. */
export type OpenEngine = (signal?: AbortSignal) => Promise<Duplex>;

/** See the file comment. */
export class EngineConnections {
  readonly #open: OpenEngine;
  readonly #maxIdle: number;
  readonly #idle: EngineConnection[] = [];
  #isClosed = false;

  /** Keeps at most `maxIdle`. */
  constructor(open: OpenEngine, maxIdle: number) {
    this.#open = open;
    this.#maxIdle = maxIdle;
  }

  /** One that was kept; it may have ended meanwhile. */
  take(): EngineConnection | undefined {
    return this.#idle.pop();
  }

  /** A new one. Throws as opening a stream does. */
  async connect(signal: AbortSignal | undefined): Promise<EngineConnection> {
    const parser = new ResponseParser();
    const duplex = await this.#open(signal);
    return { parser, stream: new FramedStream(duplex, new HttpFramer(parser)) };
  }

  /** Takes one whose answer has been read to its end. */
  keep(connection: EngineConnection): void {
    if (this.#isClosed || this.#idle.length >= this.#maxIdle) return connection.stream.close();
    this.#idle.push(connection);
  }

  /** Closes those that are kept, and from now on each one that is to be. */
  close(): void {
    this.#isClosed = true;
    for (const { stream } of this.#idle.splice(0)) stream.close();
  }
}
