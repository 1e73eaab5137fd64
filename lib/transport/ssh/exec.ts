/**
 * One command on a host over an SSH connection of its own, in the form of a guest's: both outputs, exit
 * status, a terminal, signals (RFC 4254, section 6). Owns the connection.
 */
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { AgentError, messageOf } from "../../errors.ts";
import { logger } from "../../log.ts";
import type { Duplex } from "../../net/duplex.ts";
import type { GuestProcess } from "../guest/exec.ts";
import type { ExitReport, TerminalSize } from "../guest/exec_frames.ts";
import { posixCommand, shellQuote } from "../posix_shell.ts";
import { terminalPrompt } from "./auth/prompt.ts";
import { Secrets } from "./auth/secrets.ts";
import { connectThrough } from "./chain.ts";
import { channelDuplex } from "./channel.ts";
import { sendSignal, sendSize } from "./channel_requests.ts";
import { loadSshConfig } from "./config/file.ts";
import { localEnv } from "./config/local_env.ts";
import { resolveSsh } from "./config/resolve.ts";
import type { Connection } from "./connection.ts";
import type { SshSettings } from "./settings.ts";

/** Where there is no such directory: no status of the command, which did not run. */
const NO_DIRECTORY = 255;

/** What to run; see {@link scriptOf}. */
export interface SshCommand {
  readonly words: readonly string[];
  readonly envs: readonly string[];
  readonly cwd?: string;
  readonly tty?: TerminalSize;
  readonly term?: string;
  readonly onStderr: (chunk: Uint8Array) => void | Promise<void>;
}

/**
 * Connects and starts the command; the caller closes `stdio`. Throws `AgentError` (`unreachable`,
 * `authentication`, `host-key`, `config`, `engine`), or the reason of `signal`, which bounds the start.
 */
export async function execOverSsh(
  settings: SshSettings,
  passphrase: string | undefined,
  command: SshCommand,
  signal: AbortSignal,
): Promise<GuestProcess> {
  const log = logger("ssh");
  const env = localEnv();
  const prompt = terminalPrompt();
  const { host, notes } = resolveSsh(settings, await loadSshConfig(settings.configFile, env), env);
  for (const note of notes) log.warn(note);
  const secrets = new Secrets({
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(prompt === undefined ? {} : { prompt }),
  });
  const connection = await connectThrough(host, { secrets, log }, signal);
  try {
    return processOn(await open(connection, command, signal), connection, command);
  } catch (error) {
    connection.close();
    throw error;
  }
}

/**
 * The script that becomes the command. Variables are set by it, because a server takes only those that
 * its `AcceptEnv` lists.
 */
export function scriptOf({ words, envs, cwd }: Pick<SshCommand, "words" | "envs" | "cwd">): string {
  const move = cwd === undefined ? "" : `cd ${shellQuote(cwd)} || exit ${NO_DIRECTORY}; `;
  const env = envs.length === 0 ? "" : `env ${envs.map(shellQuote).join(" ")} `;
  return posixCommand(`${move}exec ${env}${words.map(shellQuote).join(" ")}`);
}

async function open(
  connection: Connection,
  command: SshCommand,
  signal: AbortSignal,
): Promise<ClientChannel> {
  const { tty, term = "xterm" } = command;
  const pty = tty === undefined ? {} : { pty: { ...tty, term, width: 0, height: 0 } };
  try {
    return await connection.channel(
      (client, done) => client.exec(scriptOf(command), pty, done),
      signal,
    );
  } catch (cause) {
    if (cause instanceof AgentError || signal.aborted) throw cause;
    const why = messageOf(cause);
    throw new AgentError("engine", `Cannot run commands on ${connection.peer.name}: ${why}`, {
      cause,
    });
  }
}

function processOn(
  channel: ClientChannel,
  connection: Connection,
  { onStderr }: SshCommand,
): GuestProcess {
  const inner = channelDuplex(channel, connection);
  const errors = relayErrors(channel, onStderr);
  const ended = Promise.withResolvers<ExitReport>();
  const end = (code: unknown, signal: unknown) => {
    const report = reportOf(code, signal);
    if (report !== undefined) ended.resolve(report);
  };
  channel.on("exit", end);
  // A short command can have ended before anybody listened for `exit`; `close` says it again.
  channel.on("close", (code: unknown, signal: unknown) => {
    end(code, signal);
    ended.resolve({ error: "the host does not tell how it ended" });
  });
  void connection.closed.then((lost) => {
    ended.resolve({ error: lost?.message ?? "the connection was closed" });
  });
  const stdio: Duplex = { ...methodsOf(inner), close: () => connection.close() };
  return {
    framed: true,
    stdio,
    exit: ended.promise.then(async (report) => {
      await errors;
      return report;
    }),
    resize: (size) => ifOpen(connection, () => sendSize(channel, size)),
    signal: (name) => ifOpen(connection, () => sendSignal(channel, name)),
  };
}

function methodsOf(duplex: Duplex): Omit<Duplex, "close"> {
  return {
    read: () => duplex.read(),
    write: (chunk) => duplex.write(chunk),
    closeWrite: () => duplex.closeWrite(),
    closed: duplex.closed,
  };
}

/** Never rejects. */
async function relayErrors(
  channel: ClientChannel,
  onStderr: (chunk: Uint8Array) => void | Promise<void>,
): Promise<void> {
  try {
    for await (const chunk of channel.stderr) await onStderr(chunk);
  } catch {
    // The connection is gone, which `exit` tells.
  }
}

function reportOf(code: unknown, signal: unknown): ExitReport | undefined {
  if (typeof code === "number") return { code };
  if (typeof signal !== "string") return undefined;
  return { signal: signal.startsWith("SIG") ? signal : `SIG${signal}` };
}

function ifOpen(connection: Connection, act: () => void): Promise<void> {
  if (connection.isOpen) act();
  return Promise.resolve();
}
