/**
 * A Duplex over a `Deno.Conn` (TCP, Unix socket, TLS). The adapter owns the connection from here on.
 *
 * `conn.readable` is never used: it closes the whole socket at EOF (deno#22258), which would end
 * the answer to a client that half-closes after its request.
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "./duplex.ts";
import { isClosedError } from "../errors.ts";

/** What an idle connection keeps allocated for its pending read. */
const MIN_READ = 4 * 1024;
/** The largest read; one takes this much only after full reads below it. */
const MAX_READ = 256 * 1024;
/** The size of each of the two buffers that are lent. */
const LENT_BYTES = 64 * 1024;

/**
 * As {@link denoConnDuplex}, for a reader that is done with a piece before it has read two more: it
 * reads into the same two buffers for ever, since buffers that are thrown away at the speed of a bulk
 * transfer keep the garbage collector busy.
 */
export function lendingConnDuplex(conn: Deno.Conn): Duplex {
  return new LendingDuplex(conn);
}

/** Wraps `conn`; see the file comment. `maxRead`, in bytes, bounds a single read. */
export function denoConnDuplex(conn: Deno.Conn, maxRead: number = MAX_READ): Duplex {
  return new DenoConnDuplex(conn, maxRead);
}

class DenoConnDuplex implements Duplex {
  readonly closed: Promise<void>;
  readonly readsSole: boolean = true;
  readonly givesBack = true;
  readonly #conn: Deno.Conn;
  #markClosed!: () => void;
  #isClosed = false;
  #writeEnded = false;
  readonly #maxRead: number;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #size: number;

  constructor(conn: Deno.Conn, maxRead: number) {
    this.#conn = conn;
    this.#maxRead = maxRead;
    this.#size = Math.min(MIN_READ, maxRead);
    this.closed = new Promise((resolve) => this.#markClosed = resolve);
  }

  async read(): Promise<Uint8Array | null> {
    const buffer = this.#buffer ?? new Uint8Array(this.#size);
    this.#buffer = undefined;
    const count = await this.#conn.read(buffer);
    if (count === null) return null;
    return this.#take(buffer, count);
  }

  /** A small piece is copied out and the buffer kept; a large one is handed over as it is. */
  #take(buffer: Uint8Array<ArrayBuffer>, count: number): Uint8Array {
    if (count === buffer.length) this.#size = Math.min(this.#maxRead, buffer.length * 4);
    else if (count < buffer.length / 4) this.#size = Math.min(MIN_READ, this.#maxRead);
    if (count > MIN_READ) return buffer.subarray(0, count);
    if (buffer.length === this.#size) this.#buffer = buffer;
    return copied(buffer, count);
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) at += await this.#conn.write(chunk.subarray(at));
  }

  async closeWrite(): Promise<void> {
    if (this.#writeEnded || this.#isClosed) return;
    this.#writeEnded = true;
    try {
      await this.#conn.closeWrite();
    } catch (error) {
      // The peer may be gone already, and then there is nothing left to end.
      if (!isClosedError(error)) this.close();
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#buffer = undefined;
    try {
      this.#conn.close();
    } catch (error) {
      // A failed read can have freed the resource before us (BadResource).
      if (!isClosedError(error)) throw error;
    } finally {
      this.#markClosed();
    }
  }
}

class LendingDuplex extends DenoConnDuplex {
  override readonly readsSole = false;
  readonly #conn: Deno.Conn;
  #landing = Buffer.allocUnsafeSlow(LENT_BYTES);
  #lent = Buffer.allocUnsafeSlow(LENT_BYTES);

  constructor(conn: Deno.Conn) {
    super(conn, LENT_BYTES);
    this.#conn = conn;
  }

  /** Small pieces are copied, so that a large one stays good until the next large one. */
  override async read(): Promise<Uint8Array | null> {
    const buffer = this.#landing;
    const count = await this.#conn.read(buffer);
    if (count === null) return null;
    if (count <= MIN_READ) return copied(buffer, count);
    this.#landing = this.#lent;
    this.#lent = buffer;
    return buffer.subarray(0, count);
  }
}

/** From a pool: an array of its own would take longer to make than the rest of the read. */
function copied(buffer: Uint8Array, count: number): Uint8Array {
  const piece = Buffer.allocUnsafe(count);
  piece.set(buffer.subarray(0, count));
  return piece;
}
