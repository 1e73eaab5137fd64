/**
 * A line to the remote host that can fail in the ways of middleboxes: it takes connections on loopback,
 * carries their bytes, and cuts or stops one of them when told to. Ends all of them when disposed of.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";

/** How a connection is cut: by a FIN to both sides, or by resets. */
export type Cut = "fin" | "reset";

interface Carried {
  readonly near: Socket;
  readonly far: Socket;
  /** When it last brought bytes from the far side, and how many it has. */
  heardAt: number;
  heard: number;
}

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

  /** Bytes from the far side that the connection which brought something last has brought. */
  get heardOfLast(): number {
    return this.#last?.heard ?? 0;
  }

  get #last(): Carried | undefined {
    return [...this.#lines].sort((a, b) => b.heardAt - a.heardAt)[0];
  }

  /** The connection that brought something last: it is stopped, and the result cuts it. */
  stopLast(): (how: Cut) => void {
    const last = this.#last;
    if (last === undefined) throw new Error("The line carries nothing");
    stop(last);
    return (how) => cut(last, how);
  }

  /** Cuts the connection that brought something last. */
  cutLast(how: Cut): void {
    this.stopLast()(how);
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
  const line: Carried = { near, far, heardAt: 0, heard: 0 };
  lines.add(line);
  far.on("data", (chunk: Uint8Array) => {
    line.heardAt = performance.now();
    line.heard += chunk.length;
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

function stop({ near, far }: Carried): void {
  near.unpipe(far);
  far.unpipe(near);
  near.pause();
  far.pause();
}

function cut({ near, far }: Carried, how: Cut): void {
  if (how === "fin") {
    near.destroySoon();
    far.destroySoon();
  } else {
    near.resetAndDestroy();
    far.resetAndDestroy();
  }
}
