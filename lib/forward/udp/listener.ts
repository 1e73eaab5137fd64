/**
 * One local UDP port that leads to a port of the remote host. It owns the socket and a flow of the
 * relay for each local client, which ends when the client has been silent for a while. Datagrams that
 * come before the remote end is known are dropped: UDP's clients try again.
 */
import type { RemoteInfo, Socket } from "node:dgram";
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { HostPort } from "../client_listener.ts";
import { Recent } from "../../net/recent.ts";
import { bindUdp } from "../../net/udp.ts";
import { type Counters, newCounters } from "../counters.ts";
import type { UdpCarrier, UdpFlow } from "./relay.ts";

/** docker-proxy forgets a client after this time (`UDPConnTrackTimeout`). */
const IDLE_MS = 90_000;
const SWEEP_MS = 10_000;
/** Clients of one port; the one that was silent longest makes room for a new one. */
const MAX_CLIENTS = 256;

/** Takes a local port (0: any free one). Rejects with what `node:dgram` reports. */
export async function listenUdp(
  local: HostPort,
  options: { relay: UdpCarrier; log: Logger },
): Promise<UdpListener> {
  return new UdpListener(await bindUdp(local), options.relay, options.log);
}

/** See the file comment. */
export class UdpListener {
  readonly local: HostPort;
  readonly counters: Counters = newCounters();
  readonly #socket: Socket;
  readonly #relay: UdpCarrier;
  readonly #clients = new Recent<UdpFlow>({
    max: MAX_CLIENTS,
    idleMs: IDLE_MS,
    sweepMs: SWEEP_MS,
    end: (flow) => {
      flow.close();
      this.counters.open--;
    },
  });
  #remote: HostPort | undefined;
  #closed: Promise<void> | undefined;

  constructor(socket: Socket, relay: UdpCarrier, log: Logger) {
    this.#socket = socket;
    this.#relay = relay;
    const { address, port } = socket.address();
    this.local = { host: address, port };
    socket.on("message", (data, from) => this.#receive(data, from));
    // Such as a client's "port unreachable", which concerns nobody else.
    socket.on("error", (error) => log.debug("UDP socket", { error: messageOf(error) }));
  }

  get remote(): HostPort | undefined {
    return this.#remote;
  }

  /** Says where the port leads; clients that had another end get new flows. */
  activate(remote: HostPort): void {
    const same = this.#remote?.host === remote.host && this.#remote.port === remote.port;
    if (!same) this.#clients.clear();
    this.#remote = remote;
    this.#relay.warm();
  }

  /** Gives the port back. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#clients.close();
      this.#socket.close(() => resolve());
    });
    return this.#closed;
  }

  #receive(data: Uint8Array, from: RemoteInfo): void {
    if (this.#remote === undefined || this.#closed !== undefined) return;
    const key = `${from.address} ${from.port}`;
    const flow = this.#clients.get(key) ?? this.#welcome(this.#remote, key, from);
    this.#clients.use(key, flow);
    this.counters.sent += data.length;
    flow.send(data);
  }

  #welcome(remote: HostPort, key: string, { address, port }: RemoteInfo): UdpFlow {
    this.counters.open++;
    this.counters.total++;
    const flow: UdpFlow = this.#relay.open(remote, (answer) => {
      this.#clients.touch(key, flow);
      this.counters.received += answer.length;
      // A client that is gone is no error of ours.
      if (this.#closed === undefined) this.#socket.send(answer, port, address, () => {});
    });
    return flow;
  }
}
