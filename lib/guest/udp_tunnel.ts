/**
 * Datagrams over a stream: each one is its length as 16 bits, big-endian, and its bytes, both ways. As
 * ever with UDP, what comes faster than it is taken is dropped.
 */
import type { Socket } from "node:dgram";
import type { Duplex } from "../net/duplex.ts";
import { lengthFramed, LengthFrames, MAX_DATAGRAM_BYTES } from "../net/length_frame.ts";
import { connectUdp } from "../net/udp.ts";

/** Of what came and was not read yet. */
const MAX_HELD_BYTES = 256 * 1024;
/** How long silence may last once the client has ended its direction. */
const LAST_ANSWER_MS = 5_000;

/** A socket of its own for one target. Rejects when that cannot be resolved or bound. */
export async function openDatagrams(
  target: { readonly host: string; readonly port: number },
  idleMs: number,
): Promise<Duplex> {
  return new Datagrams(await connectUdp(target), idleMs);
}

class Datagrams implements Duplex {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  #idleMs: number;
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  readonly #frames = new LengthFrames();
  #wake: (() => void) | undefined;
  #over = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: Socket, idleMs: number) {
    this.#socket = socket;
    this.#idleMs = idleMs;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.on("message", (data: Uint8Array) => this.#receive(data));
    // Such as ECONNREFUSED, told by the target's machine: UDP goes on.
    socket.on("error", () => this.#wake?.());
    socket.on("close", resolve);
    this.#touch();
  }

  #touch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.close(), this.#idleMs);
  }

  #receive(data: Uint8Array): void {
    this.#touch();
    const framed = lengthFramed(data);
    if (this.#heldBytes + framed.length > MAX_HELD_BYTES) return;
    this.#held.push(framed);
    this.#heldBytes += framed.length;
    this.#wake?.();
  }

  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const next = this.#held.shift();
      if (next !== undefined) {
        this.#heldBytes -= next.length;
        return next;
      }
      if (this.#over) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#over) throw new Deno.errors.BrokenPipe("The tunnel was silent for too long");
    for (const data of this.#frames.push(chunk)) {
      // What says to be longer than a datagram can be is not our framing.
      if (data.length > MAX_DATAGRAM_BYTES) {
        throw new Error(`A datagram of ${data.length} bytes is too long`);
      }
      await this.#send(data);
    }
  }

  /** What the system does not take is lost, as it may be on the way. */
  #send(payload: Uint8Array): Promise<void> {
    this.#touch();
    return new Promise((resolve) => {
      if (this.#over) return resolve();
      this.#socket.send(payload, () => resolve());
    });
  }

  /** The client sends no more, but may wait for an answer; or it has left, and that looks the same. */
  closeWrite(): Promise<void> {
    this.#idleMs = Math.min(this.#idleMs, LAST_ANSWER_MS);
    if (!this.#over) this.#touch();
    return Promise.resolve();
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#socket.close();
    this.#wake?.();
  }
}
