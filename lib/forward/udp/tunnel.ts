/**
 * Datagrams through tunnels of the transport, one for each flow. A tunnel is opened with the first
 * datagram and again after it was lost; what comes meanwhile beyond a little, or faster than the link
 * takes it, is dropped, as UDP may. Owns the tunnels.
 */
import { describeError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Duplex } from "../../net/duplex.ts";
import type { HostPort } from "../client_listener.ts";
import { lengthFramed, LengthFrames, MAX_DATAGRAM_BYTES } from "../../net/length_frame.ts";
import type { UdpCarrier, UdpFlow } from "./relay.ts";

/** Opens a flow; see `Transport.openDatagrams`. */
export type OpenDatagrams = (to: HostPort, signal: AbortSignal) => Promise<Duplex>;

/** Why there is nothing but the engine now; nothing where there is more. */
export type Obstacle = (signal: AbortSignal) => Promise<string | undefined>;

/** Waiting to be written, per flow. */
const MAX_QUEUED_BYTES = 256 * 1024;
/** Between two attempts of a flow, so that one that always fails is not opened all the time. */
const RETRY_MS = 1_000;

/** See the file comment. */
export class TunnelUdp implements UdpCarrier {
  readonly #open: OpenDatagrams;
  readonly #log: Logger;
  readonly #obstacle: Obstacle;
  readonly #flows = new Set<TunnelFlow>();
  readonly #closing = new AbortController();
  #told: string | undefined;

  /** Without an `obstacle` there never is one. */
  constructor(open: OpenDatagrams, log: Logger, obstacle?: Obstacle) {
    this.#open = open;
    this.#log = log;
    this.#obstacle = obstacle ?? (() => Promise.resolve(undefined));
  }

  async unavailable(): Promise<string | undefined> {
    try {
      return await this.#obstacle(this.#closing.signal);
    } catch (error) {
      return describeError(error);
    }
  }

  open(target: HostPort, receive: (data: Uint8Array) => void): UdpFlow {
    const flow: TunnelFlow = new TunnelFlow({
      open: async () => {
        const stream = await this.#open(target, this.#closing.signal);
        this.#told = undefined;
        return stream;
      },
      receive,
      onFailure: (error) => this.#tell(describeError(error)),
      onClose: () => this.#flows.delete(flow),
    });
    this.#flows.add(flow);
    return flow;
  }

  /** A tunnel is opened in one round trip; nothing has to run there before. */
  warm(): void {}

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#flows].map((flow) => flow.close()));
  }

  /** Each reason once in a row: datagrams would repeat it every second. */
  #tell(reason: string): void {
    if (this.#closing.signal.aborted) return;
    if (reason !== this.#told) this.#log.warn(`Cannot forward UDP: ${reason}`);
    this.#told = reason;
  }
}

interface FlowParts {
  open(): Promise<Duplex>;
  receive(data: Uint8Array): void;
  onFailure(error: unknown): void;
  onClose(): void;
}

class TunnelFlow implements UdpFlow {
  readonly #parts: FlowParts;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #stream: Duplex | undefined;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #startedAt = -Infinity;
  #closed = false;

  constructor(parts: FlowParts) {
    this.#parts = parts;
  }

  send(data: Uint8Array): void {
    if (this.#closed || data.length > MAX_DATAGRAM_BYTES) return;
    if (this.#running === undefined) {
      if (performance.now() - this.#startedAt < RETRY_MS) return;
      this.#startedAt = performance.now();
      this.#running = this.#run().finally(() => this.#running = undefined);
    }
    if (this.#queued + data.length > MAX_QUEUED_BYTES) return;
    this.#queue.push(lengthFramed(data));
    this.#queued += data.length;
    this.#wake?.();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#parts.onClose();
    this.#stream?.close();
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      const stream = this.#stream = await this.#parts.open();
      if (this.#closed) return;
      await Promise.all([this.#receiveFrom(stream), this.#sendTo(stream)]);
    } catch (error) {
      if (!this.#closed) this.#parts.onFailure(error);
    } finally {
      this.#stream?.close();
      this.#stream = undefined;
      this.#queue = [];
      this.#queued = 0;
    }
  }

  async #receiveFrom(stream: Duplex): Promise<void> {
    const frames = new LengthFrames();
    try {
      for (let chunk; (chunk = await stream.read()) !== null;) {
        for (const data of frames.push(chunk)) this.#parts.receive(data);
      }
    } finally {
      stream.close();
      // The other end has given up the flow; the next datagram opens another.
      this.#stream = undefined;
      this.#wake?.();
    }
  }

  async #sendTo(stream: Duplex): Promise<void> {
    while (this.#stream === stream) {
      const frame = this.#queue.shift();
      if (frame === undefined) {
        await new Promise<void>((resolve) => this.#wake = resolve);
        this.#wake = undefined;
        continue;
      }
      this.#queued -= frame.length;
      await stream.write(frame);
    }
  }
}
