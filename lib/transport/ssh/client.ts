/**
 * The SSH transport: one host, reached by an interactive connection, whose death is the
 * transport's, and connections for bulk and for forwarded ports beside it. It owns all of them.
 * Reconnecting is the supervisor's work.
 */
import { AgentError } from "../../errors.ts";
import type { Duplex } from "../../net/duplex.ts";
import type { Lane, OpenOptions, RemoteListener, Target, Transport } from "../transport.ts";
import { formatHostPort } from "../../net/address.ts";
import { connectThrough } from "./chain.ts";
import { channelDuplex } from "./channel.ts";
import type { Connection } from "./connection.ts";
import { probeFacts, type RemoteFacts } from "./facts.ts";
import type { SshDeps } from "./handshake.ts";
import { openFailure } from "./open_failure.ts";
import { widenWindow } from "./receive_window.ts";
import { remoteListen } from "./remote_listen.ts";
import type { ResolvedSsh } from "./settings.ts";
import { SideLane } from "./side_lane.ts";
import { endServerDelay, SshShell } from "./shell.ts";

/** A transport over SSH. */
export interface SshTransport extends Transport {
  readonly shell: SshShell;
  listen(
    address: { host: string; port: number },
    serve: (stream: Duplex) => void,
  ): Promise<RemoteListener>;
  /** What the remote host is; `undefined` if it runs no commands. Never rejects. */
  readonly facts: Promise<RemoteFacts | undefined>;
}

/**
 * Connects once. The caller owns the transport. Throws `AgentError` of kind `unreachable`,
 * `authentication`, `host-key` or `config`, or the reason of `signal`, which only bounds
 * connecting.
 */
export async function connectSsh(
  host: ResolvedSsh,
  deps: SshDeps,
  signal: AbortSignal,
): Promise<SshTransport> {
  return new Client(host, deps, await connectThrough(host, deps, signal));
}

class Client implements SshTransport {
  readonly description: string;
  readonly shell: SshShell;
  readonly facts: Promise<RemoteFacts | undefined>;
  readonly closed: Promise<Error | undefined>;
  readonly #host: ResolvedSsh;
  readonly #deps: SshDeps;
  readonly #interactive: Connection;
  readonly #bulk: SideLane;
  readonly #ports: SideLane;
  readonly #bulkShells = new WeakMap<Connection, SshShell>();

  constructor(host: ResolvedSsh, deps: SshDeps, interactive: Connection) {
    this.#host = host;
    this.#deps = deps;
    this.#interactive = interactive;
    this.description = `ssh://${host.user}@${formatHostPort(host.hostName, host.port)}`;
    this.shell = new SshShell(interactive);
    this.facts = probeFacts(this.shell, deps.log);
    const sideLane = (without: string) =>
      new SideLane((signal) => this.#connectSide(signal), deps.log, without);
    this.#bulk = sideLane("No second connection; large transfers share the first");
    this.#ports = sideLane("No third connection; forwarded ports share the first");
    this.closed = interactive.closed.then((reason) => {
      this.#bulk.close();
      this.#ports.close();
      return reason;
    });
    this.#bulk.warm();
  }

  async open(target: Target, options: OpenOptions = {}): Promise<Duplex> {
    const { lane, signal } = options;
    const connection = await this.#connectionOf(lane) ?? this.#interactive;
    signal?.throwIfAborted();
    try {
      return await this.#openOn(connection, target, signal);
    } catch (error) {
      const hasDied = !connection.isOpen && connection !== this.#interactive;
      if (!hasDied || signal?.aborted) throw error;
      return await this.#openOn(this.#interactive, target, signal);
    }
  }

  /** The connection that a lane has to itself, if there is one. */
  async #connectionOf(lane: Lane | undefined): Promise<Connection | undefined> {
    if (lane === "bulk") return await this.#bulk.get();
    // A host that would not be asked twice is not asked a third time.
    if (lane !== "ports" || this.#bulk.open === undefined) return undefined;
    // Nobody waits for it: the first streams go by the connection that is there.
    void this.#ports.warm();
    return this.#ports.open;
  }

  async bulkShell(): Promise<SshShell> {
    const connection = await this.#bulk.get();
    if (connection === undefined) return this.shell;
    let shell = this.#bulkShells.get(connection);
    if (shell === undefined) this.#bulkShells.set(connection, shell = new SshShell(connection));
    return shell;
  }

  /** Where its GatewayPorts says so. */
  readonly listensSomewhere = true;

  async listen(
    address: { host: string; port: number },
    serve: (stream: Duplex) => void,
  ): Promise<RemoteListener> {
    const connection = this.#interactive;
    return await connection.withClient((client) =>
      remoteListen(connection, client, address, serve)
    );
  }

  async #openOn(
    connection: Connection,
    wanted: Target,
    signal: AbortSignal | undefined,
  ): Promise<Duplex> {
    const target = wanted.kind === "docker" ? this.#host.remoteDocker : wanted;
    if (target.kind === "docker") throw new Error("The remote engine has no address");
    try {
      const channel = await connection.channel((client, done) => {
        if (target.kind === "unix") client.openssh_forwardOutStreamLocal(target.path, done);
        else client.forwardOut("127.0.0.1", 0, target.host, target.port, done);
      }, signal);
      const isBulk = connection === this.#bulk.open;
      return channelDuplex(channel, connection, isBulk ? widenWindow(channel) : undefined);
    } catch (error) {
      if (error instanceof AgentError || signal?.aborted) throw error;
      throw await openFailure(target, error, connection.peer.name, this.shell);
    }
  }

  /** Asks nobody: what the first connection needed is known by now. */
  async #connectSide(signal: AbortSignal): Promise<Connection> {
    const silent = (host: ResolvedSsh): ResolvedSsh => ({ ...host, prompts: false });
    const host = { ...silent(this.#host), jumps: this.#host.jumps.map(silent) };
    const connection = await connectThrough(host, this.#deps, signal);
    if (connection.peer.hostKey !== this.#interactive.peer.hostKey) {
      connection.close();
      throw new Error("The name leads to another host with another host key");
    }
    endServerDelay(connection);
    return connection;
  }

  close(): void {
    this.#bulk.close();
    this.#ports.close();
    this.#interactive.close();
  }
}
