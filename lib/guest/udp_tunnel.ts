/**
 * Datagrams over a stream: each one is its length as 16 bits, big-endian, and its bytes, both ways. As
 * ever with UDP, what comes faster than it is taken is dropped.
 */
import { createSocket, type Socket } from "node:dgram";
import { isIP } from "node:net";
import { lookup } from "node:dns/promises";
import type { Duplex } from "../net/duplex.ts";

const LENGTH_BYTES = 2;
/** The largest payload of UDP over IPv4; what says to be longer is not our framing. */
const MAX_DATAGRAM_BYTES = 65_507;
/** Of what came and was not read yet. */
const MAX_HELD_BYTES = 256 * 1024;
/** How long silence may last once the client has ended its direction. */
const LAST_ANSWER_MS = 5_000;

/** A socket of its own for one target. Rejects when that cannot be resolved or bound. */
export async function openDatagrams(
  { host, port }: { readonly host: string; readonly port: number },
  idleMs: number,
): Promise<Duplex> {
  const address = isIP(host) === 0 ? (await lookup(host)).address : host;
  const socket = createSocket(isIP(address) === 6 ? "udp6" : "udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.connect(port, address, () => {
        socket.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    socket.close();
    throw error;
  }
  return new Datagrams(socket, idleMs);
}

class Datagrams implements Duplex {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  #idleMs: number;
  readonly #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** Of a datagram whose end has not come from the client. */
  #unsent: Uint8Array = new Uint8Array(0);
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
    const framed = frame(data);
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
    let rest = join(this.#unsent, chunk);
    while (rest.length >= LENGTH_BYTES) {
      const length = ((rest[0] ?? 0) << 8) | (rest[1] ?? 0);
      if (length > MAX_DATAGRAM_BYTES) throw new Error(`A datagram of ${length} bytes is too long`);
      if (rest.length < LENGTH_BYTES + length) break;
      await this.#send(rest.slice(LENGTH_BYTES, LENGTH_BYTES + length));
      rest = rest.subarray(LENGTH_BYTES + length);
    }
    this.#unsent = rest.slice();
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

function frame(data: Uint8Array): Uint8Array {
  const framed = new Uint8Array(LENGTH_BYTES + data.length);
  framed[0] = data.length >> 8;
  framed[1] = data.length & 0xff;
  framed.set(data, LENGTH_BYTES);
  return framed;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
