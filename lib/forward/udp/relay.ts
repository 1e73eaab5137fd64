/**
 * Datagrams to the remote host through a small program that a shell runs there (`script.ts`): one
 * process for all flows. It owns that process, starts it with the first datagram and again after it
 * was lost; what is sent while there is none, or faster than the link takes it, is dropped, as UDP
 * may.
 */
import { describeError, messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { RemoteProcess, Shell } from "../../transport/transport.ts";
import { encodeFrame, encodeTarget, FrameReader, MAX_DATAGRAM, type UdpFrame } from "./frame.ts";
import { MAX_FLOWS, NO_INTERPRETER, PROBE_COMMAND, READY, RELAY_COMMAND } from "./script.ts";
import { sleep } from "../../system/sleep.ts";
import type { HostPort } from "../client_listener.ts";

/** The shell of the live transport, waiting a bounded time for one; `undefined` if it has none. */
export type FindShell = (signal: AbortSignal) => Promise<Shell | undefined>;

/** The datagrams of one local client. */
export interface UdpFlow {
  /** Sends one datagram, or drops it. */
  send(data: Uint8Array): void;
  close(): void;
}

/** What carries datagrams to the remote host. */
export interface UdpCarrier {
  /** Why datagrams cannot be carried, or `undefined` where they can. Never rejects. */
  unavailable(): Promise<string | undefined>;
  /** Makes a flow to `target`; `receive` gets its answers. The caller closes it. */
  open(target: HostPort, receive: (data: Uint8Array) => void): UdpFlow;
  /** Gets ready for the first datagram. */
  warm(): void;
  /** Ends every flow. */
  close(): Promise<void>;
}

/** Waiting to be written; more is dropped. */
const MAX_QUEUED_BYTES = 1024 * 1024;
/** Between two starts of the program, so that one that always fails is not started all the time. */
const RESTART_MS = 1_000;
/** The program ends after 90 s of silence. */
const PING_MS = 30_000;
/** What login scripts may print before the program starts. */
const MAX_PREAMBLE = 64 * 1024;
const PROBE_TIMEOUT_MS = 10_000;

/** Why there is no UDP. */
export const NO_UDP = "the remote host has neither python3 nor perl";
/** As {@link NO_UDP}, for transports that cannot run commands. */
export const NO_UDP_SHELL = "the remote host runs no commands for us";

/** See the file comment. */
export class UdpRelay implements UdpCarrier {
  readonly #findShell: FindShell;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  readonly #flows = new Map<number, { target: HostPort; receive: (data: Uint8Array) => void }>();
  readonly #probed = new WeakMap<Shell, string | undefined>();
  /** The flows that the running process knows. */
  #opened = new Set<number>();
  #queue: Uint8Array[] = [];
  #queued = 0;
  #wake: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #startedAt = -Infinity;
  #nextId = 1;
  #told: string | undefined;

  constructor(findShell: FindShell, log: Logger) {
    this.#findShell = findShell;
    this.#log = log;
  }

  /** Why datagrams cannot be carried, or `undefined` where they can. Never rejects. */
  async unavailable(): Promise<string | undefined> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
    try {
      const shell = await this.#findShell(signal);
      if (shell === undefined) return NO_UDP_SHELL;
      if (!this.#probed.has(shell)) {
        const { code } = await shell.run(PROBE_COMMAND, { signal });
        this.#probed.set(shell, code === 0 ? undefined : NO_UDP);
      }
      return this.#probed.get(shell);
    } catch (error) {
      return messageOf(error);
    }
  }

  /** Makes a flow to `target`; `receive` gets its answers. The caller closes it. */
  open(target: HostPort, receive: (data: Uint8Array) => void): UdpFlow {
    const id = this.#nextId++;
    this.#flows.set(id, { target, receive });
    return {
      send: (data) => this.#send(id, data),
      close: () => {
        this.#flows.delete(id);
        if (this.#opened.delete(id)) this.#push(encodeFrame("C", id, new Uint8Array(0)));
      },
    };
  }

  /** Starts the program now, so that the first datagram does not wait for it. */
  warm(): void {
    if (this.#closing.signal.aborted || this.#running !== undefined) return;
    this.#running = this.#run().catch((error) => {
      if (!this.#closing.signal.aborted) this.#tell(describeError(error));
    }).finally(() => {
      this.#running = undefined;
      this.#opened = new Set();
      this.#clear();
    });
  }

  /** Ends the program and every flow. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake?.();
    this.#flows.clear();
    await this.#running;
  }

  /** Each reason once in a row: datagrams would repeat it every second. */
  #tell(reason: string): void {
    if (reason !== this.#told) this.#log.warn(`Cannot forward UDP: ${reason}`);
    this.#told = reason;
  }

  #send(id: number, data: Uint8Array): void {
    const flow = this.#flows.get(id);
    if (flow === undefined || data.length > MAX_DATAGRAM) return;
    this.warm();
    if (!this.#opened.has(id)) {
      if (this.#opened.size >= MAX_FLOWS) return;
      const target = encodeTarget(flow.target.host, flow.target.port);
      if (!this.#push(encodeFrame("O", id, target))) return;
      this.#opened.add(id);
    }
    this.#push(encodeFrame("D", id, data));
  }

  #push(frame: Uint8Array): boolean {
    if (this.#queued + frame.length > MAX_QUEUED_BYTES) return false;
    this.#queue.push(frame);
    this.#queued += frame.length;
    this.#wake?.();
    return true;
  }

  #clear(): void {
    this.#queue = [];
    this.#queued = 0;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    await sleep(this.#startedAt + RESTART_MS - performance.now(), signal);
    this.#startedAt = performance.now();
    const shell = await this.#findShell(signal);
    if (shell === undefined) throw new Error(NO_UDP_SHELL);
    const process = await shell.spawn(RELAY_COMMAND, {
      signal,
      onStderr: (line) => this.#log.debug("The UDP relay says", { line }),
    });
    try {
      await this.#relay(process);
    } finally {
      process.stdio.close();
    }
  }

  async #relay(process: RemoteProcess): Promise<void> {
    let ended = false;
    const write = async () => {
      const ping = setInterval(() => this.#push(encodeFrame("P", 0, new Uint8Array(0))), PING_MS);
      try {
        while (!ended && !this.#closing.signal.aborted) await this.#writeQueued(process);
      } finally {
        clearInterval(ping);
      }
    };
    const writing = write().catch((error) => {
      this.#log.debug("The UDP relay takes no more", { error: messageOf(error) });
      process.stdio.close();
    });
    try {
      await this.#readFrames(process);
    } finally {
      ended = true;
      this.#wake?.();
      process.stdio.close();
      await writing;
    }
  }

  async #writeQueued(process: RemoteProcess): Promise<void> {
    if (this.#queue.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
      return;
    }
    const frames = this.#queue;
    this.#clear();
    for (const frame of frames) await process.stdio.write(frame);
  }

  async #readFrames(process: RemoteProcess): Promise<void> {
    const reader = new FrameReader();
    let rest = await this.#readPreamble(process);
    this.#told = undefined;
    for (;;) {
      for (const frame of reader.push(rest)) this.#receive(frame);
      const chunk = await process.stdio.read();
      if (chunk === null) return;
      rest = chunk;
    }
  }

  /** Reads up to the line that says it runs; returns what followed it. */
  async #readPreamble({ stdio, exit }: RemoteProcess): Promise<Uint8Array> {
    let text = "";
    while (text.length < MAX_PREAMBLE) {
      const chunk = await stdio.read();
      if (chunk === null) {
        throw new Error(await exit === NO_INTERPRETER ? NO_UDP : "the relay does not start there");
      }
      // One character per byte, so that what follows the line is found again as it was.
      text += String.fromCharCode(...chunk);
      const at = text.indexOf(READY);
      if (at >= 0) return Uint8Array.from(text.slice(at + READY.length), (c) => c.charCodeAt(0));
    }
    throw new Error("the remote shell prints too much");
  }

  #receive({ id, data }: UdpFrame): void {
    this.#flows.get(id)?.receive(data);
  }
}
