/**
 * Commands on the remote host. Sessions are the one kind of channel sshd limits (MaxSessions, 10 by
 * default), so only a few run at a time and the others wait.
 */
import type { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { AgentError, messageOf } from "../../errors.ts";
import { Places } from "../../system/places.ts";
import { Output } from "../output.ts";
import type { CommandResult, RemoteProcess, Shell, SpawnOptions } from "../transport.ts";
import type { Connection } from "./connection.ts";
import { remoteProcess } from "./process.ts";
import { openSftp, type SftpFiles } from "./sftp.ts";

/** Leaves two of sshd's ten sessions for file transfer. */
const MAX_SESSIONS = 8;
const SHORT_COMMAND_MS = 5_000;
/** Sessions for commands that stay, so that {@link SshShell.run} always has some left. */
const MAX_SPAWNED = 6;

/** The commands of one connection. */
export class SshShell implements Shell {
  readonly #connection: Connection;
  readonly #sessions = new Places(MAX_SESSIONS);
  #files: Promise<SftpFiles> | undefined;
  #spawned = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Throws `AgentError` of kind `engine` if the host runs no commands, `lost` if the connection is
   * gone, or the reason of `signal`, which also ends the session.
   */
  async run(command: string, options: { signal?: AbortSignal } = {}): Promise<CommandResult> {
    await this.#sessions.enter();
    try {
      options.signal?.throwIfAborted();
      return await this.#exec(command, options.signal);
    } finally {
      this.#sessions.leave();
    }
  }

  /** See {@link Shell.spawn}; it holds its session until the command has ended. */
  async spawn(command: string, options: SpawnOptions = {}): Promise<RemoteProcess> {
    const { name } = this.#connection.peer;
    if (this.#spawned >= MAX_SPAWNED) {
      throw new AgentError("engine", `Too many long-running commands on ${name}`);
    }
    this.#spawned++;
    const leave = () => {
      this.#spawned--;
      this.#sessions.leave();
    };
    await this.#sessions.enter();
    try {
      const channel = await this.#open(command, options.signal);
      const process = remoteProcess(channel, this.#connection, options);
      void process.exit.then(leave);
      return process;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** SFTP on this connection; opened once, and anew when it has ended. See {@link Shell.files}. */
  async files(): Promise<SftpFiles> {
    const before = await this.#files?.catch(() => undefined);
    if (before?.isOpen === true) return before;
    return await (this.#files = openSftp(this.#connection));
  }

  async #exec(command: string, signal: AbortSignal | undefined): Promise<CommandResult> {
    const channel = await this.#open(command, signal);
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => {
      channel.close();
      aborted.reject(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      const result = await Promise.race([collect(channel), aborted.promise]);
      if (this.#connection.lost !== undefined) throw this.#connection.lost;
      return result;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async #open(command: string, signal: AbortSignal | undefined): Promise<ClientChannel> {
    try {
      return await this.#connection.channel((client, done) => client.exec(command, done), signal);
    } catch (cause) {
      if (cause instanceof AgentError || signal?.aborted) throw cause;
      throw new AgentError(
        "engine",
        `Cannot run commands on ${this.#connection.peer.name}: ${messageOf(cause)}`,
        { cause },
      );
    }
  }
}

async function collect(channel: ClientChannel): Promise<CommandResult> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const stdout = new Output();
  const stderr = new Output();
  channel.on("data", (data: Buffer) => stdout.add(data));
  channel.stderr.on("data", (data: Buffer) => stderr.add(data));
  channel.on("close", (code: unknown) => resolve(typeof code === "number" ? code : null));
  channel.end();
  const code = await promise;
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

/**
 * Has the server turn Nagle's delay off for this connection, which OpenSSH does only once a session
 * has been opened. Returns at once; a host that runs no commands keeps the delay.
 */
export function endServerDelay(connection: Connection): void {
  const limit = AbortSignal.timeout(SHORT_COMMAND_MS);
  new SshShell(connection).run(":", { signal: limit }).catch(() => {
    // Forwarding works without it.
  });
}
