/**
 * UDP ASSOCIATE (RFC 1928, section 7): a local UDP socket for each association, and behind it a flow
 * to each destination its client names: over the one relay on the remote host, or from here where a
 * rule says so. An association is closed with the client's connection.
 */
import type { RemoteInfo, Socket } from "node:dgram";
import type { UdpCarrier, UdpFlow } from "../forward/udp/relay.ts";
import type { Logger } from "../log.ts";
import { formatHostPort } from "../net/address.ts";
import { Recent } from "../net/recent.ts";
import { bindUdp } from "../net/udp.ts";
import type { Dialer } from "./dialer.ts";
import { failureOf } from "./failure.ts";
import type { BridgeClient } from "./listener.ts";
import { type Destination, encodeDatagram, parseDatagram } from "./socks_wire.ts";
import { openUdpHere } from "./udp_here.ts";

/** What associations are made of. */
export interface UdpOptions {
  readonly relay: UdpCarrier;
  readonly dialer: Dialer;
  readonly log: Logger;
}

/** One that is open. */
export interface Association {
  /** Where the client sends its datagrams. */
  readonly local: Destination;
  close(): void;
}

/** Destinations of one association; the one that was silent longest makes room for a new one. */
const MAX_FLOWS = 64;
/** A destination is forgotten after this time, as docker-proxy forgets its clients. */
const IDLE_MS = 90_000;
const SWEEP_MS = 30_000;
/** Datagrams kept while a destination's name is looked up; more are dropped. */
const MAX_WAITING = 16;

/** See the file comment. Does not own the relay. */
export class UdpAssociations {
  readonly #options: UdpOptions;

  constructor(options: UdpOptions) {
    this.#options = options;
  }

  /** Why datagrams cannot be carried, or `undefined` where they can. Never rejects. */
  unavailable(): Promise<string | undefined> {
    return this.#options.relay.unavailable();
  }

  /**
   * Opens one for `client`, at the address it has connected to. `port` is the one it has announced
   * to send from; 0 if it does not know. Rejects with what `node:dgram` reports.
   */
  async open(client: BridgeClient, port: number): Promise<Association> {
    const socket = await bindUdp({ host: client.local.host, port: 0 });
    return new OpenAssociation(socket, client, port, this.#options);
  }
}

interface Flow {
  /** Absent while the name is looked up. */
  flow?: UdpFlow;
  readonly waiting: Uint8Array[];
}

class OpenAssociation implements Association {
  readonly local: Destination;
  readonly #socket: Socket;
  readonly #client: BridgeClient;
  readonly #options: UdpOptions;
  readonly #flows = new Recent<Flow>({
    max: MAX_FLOWS,
    idleMs: IDLE_MS,
    sweepMs: SWEEP_MS,
    end: ({ flow }) => flow?.close(),
  });
  /** The client's own port; learned from its first datagram where it has not announced one. */
  #port: number;
  #closed = false;

  constructor(socket: Socket, client: BridgeClient, port: number, options: UdpOptions) {
    this.#socket = socket;
    this.#client = client;
    this.#port = port;
    this.#options = options;
    const { address, port: bound } = socket.address();
    this.local = { host: address, port: bound };
    socket.on("message", (data, from) => this.#receive(data, from));
    // Such as a client's "port unreachable", which concerns nobody else.
    socket.on("error", (error) => options.log.debug("UDP socket", { error: error.message }));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#flows.close();
    this.#socket.close();
  }

  /** Datagrams of anybody but the client are dropped (RFC 1928, section 6). */
  #receive(bytes: Uint8Array, from: RemoteInfo): void {
    if (this.#closed || from.address !== this.#client.address) return;
    if (this.#port === 0) this.#port = from.port;
    const datagram = parseDatagram(bytes);
    if (from.port !== this.#port || datagram === undefined) return;
    const { to, data } = datagram;
    const key = formatHostPort(to.host, to.port);
    const flow = this.#flows.get(key) ?? this.#welcome(key, to);
    this.#flows.use(key, flow);
    this.#client.counters.sent += data.length;
    if (flow.flow !== undefined) flow.flow.send(data);
    else if (flow.waiting.length < MAX_WAITING) flow.waiting.push(data.slice());
  }

  #welcome(key: string, to: Destination): Flow {
    const flow: Flow = { waiting: [] };
    this.#open(key, flow, to).catch((error) => {
      if (this.#closed) return;
      // Once per datagram, which may be many.
      this.#options.log.debug(`Dropped a datagram: ${failureOf(key, error).message}`);
      if (this.#flows.get(key) === flow) this.#flows.drop(key);
    });
    return flow;
  }

  async #open(key: string, flow: Flow, to: Destination): Promise<void> {
    const { relay, dialer } = this.#options;
    const { route, hosts } = await dialer.resolve(to);
    // It may have been dropped meanwhile, and again below.
    if (!this.#isOpen(key, flow)) return;
    const target = { host: hosts[0] ?? to.host, port: to.port };
    const receive = (answer: Uint8Array) => this.#answer(key, flow, to, answer);
    const opened = route === "direct"
      ? await openUdpHere(target, receive)
      : relay.open(target, receive);
    if (!this.#isOpen(key, flow)) return opened.close();
    flow.flow = opened;
    for (const data of flow.waiting.splice(0)) flow.flow.send(data);
  }

  #isOpen(key: string, flow: Flow): boolean {
    return !this.#closed && this.#flows.get(key) === flow;
  }

  #answer(key: string, flow: Flow, from: Destination, data: Uint8Array): void {
    this.#flows.touch(key, flow);
    this.#client.counters.received += data.length;
    if (this.#closed) return;
    // A client that is gone is no error of ours.
    this.#socket.send(encodeDatagram(from, data), this.#port, this.#client.address, () => {});
  }
}
