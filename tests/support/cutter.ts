/**
 * A line to the remote host that can fail in the ways of middleboxes: it takes connections on loopback,
 * carries their bytes, and cuts or stops one of them when told to. Ends all of them when disposed of.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { until } from "./poll.ts";

/** How a connection is cut: by a FIN to both sides, or by resets. */
export type Cut = "fin" | "reset";

interface Carried {
  readonly near: Socket;
  readonly far: Socket;
  /** How many bytes it has brought from the far side, and in how many pieces. */
  heard: number;
  pieces: number;
  /** It has been stopped or cut: whoever looks for a connection means another one. */
  isOver: boolean;
}

/** Nothing but the stream that a test looks at brings so many pieces in a row. */
const MANY_PIECES = 10;

/** See the file comment. */
export class Cutter implements AsyncDisposable {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly #server: Server;
  readonly #lines: Set<Carried>;

  private constructor(server: Server, port: number, lines: Set<Carried>) {
    this.#server = server;
    this.port = port;
    this.#lines = lines;
  }

  /** Opens a line to `host` and `port`. */
  static async open(to: { readonly host: string; readonly port: number }): Promise<Cutter> {
    const lines = new Set<Carried>();
    const server = createServer(
      { allowHalfOpen: true },
      (near) => carry(near, connect({ ...to, allowHalfOpen: true }), lines),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("The line has no port");
    return new Cutter(server, address.port, lines);
  }

  /** The connection on which something comes again and again is stopped; the result cuts it. */
  async stopBusy(): Promise<(how: Cut) => void> {
    const before = new Map([...this.#lines].map((line) => [line, line.pieces]));
    const isBusy = (line: Carried) => line.pieces >= (before.get(line) ?? 0) + MANY_PIECES;
    const busy = await until("something comes again and again", () => this.#find(isBusy));
    stop(busy);
    return (how) => cut(busy, how);
  }

  /** Cuts the connection on which something comes again and again. */
  async cutBusy(how: Cut): Promise<void> {
    (await this.stopBusy())(how);
  }

  /** Cuts the connection that has brought so many bytes, once there is one. */
  async cutLarge(bytes: number, how: Cut): Promise<void> {
    cut(await until("much has come", () => this.#find((line) => line.heard >= bytes)), how);
  }

  #find(is: (line: Carried) => boolean): Carried | undefined {
    return [...this.#lines].find((line) => !line.isOver && is(line));
  }

  /** From now on nothing comes through on the connections that there are, and nobody is told. */
  stopAll(): void {
    for (const line of this.#lines) stop(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { near, far } of this.#lines) {
      near.destroy();
      far.destroy();
    }
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function carry(near: Socket, far: Socket, lines: Set<Carried>): void {
  const line: Carried = { near, far, heard: 0, pieces: 0, isOver: false };
  lines.add(line);
  far.on("data", (chunk: Uint8Array) => {
    line.heard += chunk.length;
    line.pieces++;
  });
  for (const socket of [near, far]) {
    socket.setNoDelay(true);
    socket.on("error", () => {/* Its `close` follows. */});
    socket.on("close", () => {
      lines.delete(line);
      near.destroy();
      far.destroy();
    });
  }
  near.pipe(far);
  far.pipe(near);
}

function stop(line: Carried): void {
  const { near, far } = line;
  line.isOver = true;
  near.unpipe(far);
  far.unpipe(near);
  near.pause();
  far.pause();
}

function cut(line: Carried, how: Cut): void {
  const { near, far } = line;
  line.isOver = true;
  if (how === "fin") {
    near.destroySoon();
    far.destroySoon();
  } else {
    near.resetAndDestroy();
    far.resetAndDestroy();
  }
}
