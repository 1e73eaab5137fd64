/** `host-exec`: runs a command on the remote host, through its guest or over SSH. */
import {
  type HostCommand,
  hostCommand,
  type HostExecWay,
  hostExecWay,
} from "../../config/host_exec_settings.ts";
import { loadValues } from "../../config/load.ts";
import { SECRETS } from "../../config/schema.ts";
import { AgentError, errorCode } from "../../errors.ts";
import { configureLogging, logger } from "../../log.ts";
import { formatHostPort } from "../../net/address.ts";
import { Dialer, type EndpointSettings } from "../../transport/dialer.ts";
import type { TerminalSize } from "../../transport/exec_frames.ts";
import { execOverGuest, type GuestProcess } from "../../transport/guest_exec.ts";
import { warnOfOpenness } from "../../transport/openness.ts";
import { execOverSsh } from "../../transport/ssh/exec.ts";
import { tlsError, wordsOf } from "../../transport/tls_error.ts";
import { readToken } from "../../transport/tstunnel.ts";
import { denoStreams, type LocalStreams } from "../local_streams.ts";
import { STOP_SIGNALS, type StopSignal, type System } from "../system.ts";
import { attach } from "./attach.ts";
import type { CommandRun } from "./command.ts";

/** The size of a terminal whose size nobody knows. */
const USUAL_SIZE: TerminalSize = { cols: 80, rows: 24 };
const FIRST_LEVEL_NOTE =
  "remote-docker-agent: this server only has standard output; the exit status of " +
  "the command is not known\n";

/** Returns the exit status of the command; see {@link attach}. Throws `AgentError`. */
export async function runHostExec(
  { invocation, sources, system }: CommandRun,
  streams: LocalStreams = denoStreams(),
): Promise<number> {
  const loaded = await loadValues(sources);
  const { values, origins } = loaded;
  configureLogging({
    // Its lines come between those of the command.
    level: origins["log-level"].source === "default" ? "warn" : values["log-level"],
    format: values["log-format"] ?? (system.isTerminal ? "text" : "json"),
    write: (line) => system.err(`${line}\n`),
  });
  const way = hostExecWay(loaded);
  const command = hostCommand(invocation.rest ?? [], values, system.place.env);
  const started = await startUnlessStopped(
    system,
    (signal) => start(way, command, { streams, system, signal }),
  );
  if (typeof started === "number") return started;
  if (!started.framed) system.err(FIRST_LEVEL_NOTE);
  return await attach(started, command, streams, system);
}

/** A signal before the command runs ends the program with the usual status. */
async function startUnlessStopped(
  system: System,
  begin: (signal: AbortSignal) => Promise<GuestProcess>,
): Promise<GuestProcess | number> {
  const stop = new AbortController();
  let stopped: StopSignal | undefined;
  const unwatch = system.onSignal((signal) => {
    stopped ??= signal;
    stop.abort();
  });
  try {
    const process = await begin(stop.signal);
    if (stopped === undefined) return process;
    process.stdio.close();
  } catch (error) {
    if (stopped === undefined) throw error;
  } finally {
    unwatch();
  }
  return 128 + STOP_SIGNALS[stopped];
}

interface Circumstances {
  readonly streams: LocalStreams;
  readonly system: System;
  readonly signal: AbortSignal;
}

async function start(
  way: HostExecWay,
  command: HostCommand,
  circumstances: Circumstances,
): Promise<GuestProcess> {
  const { streams, system, signal } = circumstances;
  const { env } = system.place;
  const term = env["TERM"] || undefined;
  const { words, envs, cwd } = command;
  const common = {
    envs,
    onStderr: (chunk: Uint8Array) => streams.err(chunk),
    ...(cwd !== undefined && { cwd }),
    ...(command.tty && { tty: streams.size() ?? USUAL_SIZE }),
    ...(command.tty && term !== undefined && { term }),
  };
  if (way.kind === "ssh") {
    return await execOverSsh(way.ssh, env[SECRETS[0].env], { ...common, words }, signal);
  }
  const [program = "", ...args] = words;
  const token = await readToken(way.tokenFile);
  const dialer = await Dialer.open(way.endpoint);
  warnOfOpenness(way.endpoint, logger("host-exec"));
  const stream = await dialer.dial(signal);
  try {
    return await execOverGuest(stream, {
      ...common,
      host: way.host,
      command: program,
      args,
      signal,
      ...(token !== undefined && { token }),
    });
  } catch (error) {
    throw explain(way.endpoint, error);
  }
}

/** With TLS 1.3, a server refuses a certificate only after the handshake (RFC 8446, 4.4.2.4). */
function explain(endpoint: EndpointSettings, error: unknown): unknown {
  if (!(error instanceof AgentError) || error.kind !== "lost") return error;
  const { cause } = error;
  const { cert, ca } = wordsOf(endpoint);
  if (endpoint.tls === undefined) {
    const hint = `check the port, and give ${cert} or ${ca} for a server with TLS`;
    return new AgentError("lost", error.message, { cause, hint });
  }
  if (/SSL|TLS|ALERT/.test(errorCode(cause))) return tlsError(endpoint, cause);
  const where = formatHostPort(endpoint.host, endpoint.port);
  return new AgentError("authentication", `The server "${where}" closed the connection at once`, {
    cause,
    hint: `check that it trusts the certificate of ${cert}`,
  });
}
