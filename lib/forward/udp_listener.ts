/**
 * One local UDP port that leads to a port of the remote host. It owns the socket and a flow of the
 * relay for each local client, which ends when the client has been silent for a while. Datagrams that
 * come before the remote end is known are dropped: UDP's clients try again.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { HostPort } from "./client_listener.ts";
import { type Counters, newCounters } from "./counters.ts";
import type { UdpCarrier, UdpFlow } from "./udp_relay.ts";

/** docker-proxy forgets a client after this time (`UDPConnTrackTimeout`). */
const IDLE_MS = 90_000;
const SWEEP_MS = 10_000;
/** Clients of one port; the one that was silent longest makes room for a new one. */
const MAX_CLIENTS = 256;

interface Client {
  flow: UdpFlow;
  usedAt: number;
}

/** Takes a local port (0: any free one). Rejects with what `node:dgram` reports. */
export async function listenUdp(
  local: HostPort,
  options: { relay: UdpCarrier; log: Logger },
): Promise<UdpListener> {
  const socket = createSocket({ type: local.host.includes(":") ? "udp6" : "udp4" });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address: local.host, port: local.port, exclusive: true }, () => {
      socket.off("error", reject);
      resolve();
    });
  });
  return new UdpListener(socket, options.relay, options.log);
}

/** See the file comment. */
export class UdpListener {
  readonly local: HostPort;
  readonly counters: Counters = newCounters();
  readonly #socket: Socket;
  readonly #relay: UdpCarrier;
  readonly #clients = new Map<string, Client>();
  readonly #sweep: ReturnType<typeof setInterval>;
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
    this.#sweep = setInterval(() => this.#dropIdle(), SWEEP_MS);
  }

  get remote(): HostPort | undefined {
    return this.#remote;
  }

  /** Says where the port leads; clients that had another end get new flows. */
  activate(remote: HostPort): void {
    const same = this.#remote?.host === remote.host && this.#remote.port === remote.port;
    if (!same) this.#dropAll();
    this.#remote = remote;
    this.#relay.warm();
  }

  /** Gives the port back. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      clearInterval(this.#sweep);
      this.#dropAll();
      this.#socket.close(() => resolve());
    });
    return this.#closed;
  }

  #receive(data: Uint8Array, from: RemoteInfo): void {
    if (this.#remote === undefined || this.#closed !== undefined) return;
    const key = `${from.address} ${from.port}`;
    const client = this.#clients.get(key) ?? this.#welcome(this.#remote, from);
    client.usedAt = performance.now();
    // The order of a Map is that of insertion: the longest silent is always the first.
    this.#clients.delete(key);
    this.#clients.set(key, client);
    this.#makeRoom();
    this.counters.sent += data.length;
    client.flow.send(data);
  }

  #welcome(remote: HostPort, { address, port }: RemoteInfo): Client {
    this.counters.open++;
    this.counters.total++;
    const client: Client = {
      usedAt: 0,
      flow: this.#relay.open(remote, (answer) => {
        client.usedAt = performance.now();
        this.counters.received += answer.length;
        // A client that is gone is no error of ours.
        if (this.#closed === undefined) this.#socket.send(answer, port, address, () => {});
      }),
    };
    return client;
  }

  #makeRoom(): void {
    while (this.#clients.size > MAX_CLIENTS) {
      const [oldest] = this.#clients.keys();
      if (oldest === undefined) return;
      this.#drop(oldest);
    }
  }

  #dropIdle(): void {
    const limit = performance.now() - IDLE_MS;
    for (const [key, { usedAt }] of this.#clients) if (usedAt < limit) this.#drop(key);
  }

  #dropAll(): void {
    for (const key of [...this.#clients.keys()]) this.#drop(key);
  }

  #drop(key: string): void {
    this.#clients.get(key)?.flow.close();
    if (this.#clients.delete(key)) this.counters.open--;
  }
}
