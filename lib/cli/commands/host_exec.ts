/** `host-exec`: runs a command on the remote host, through its guest or over SSH. */
import {
  type HostCommand,
  hostCommand,
  type HostExecWay,
  hostExecWay,
} from "../../config/settings/host_exec.ts";
import { loadValues } from "../../config/load.ts";
import { SECRETS } from "../../config/schema.ts";
import { AgentError } from "../../errors.ts";
import { configureLogging, logger } from "../../log.ts";
import { formatHostPort } from "../../net/address.ts";
import { Dialer } from "../../transport/endpoint/dialer.ts";
import type { TerminalSize } from "../../transport/guest/exec_frames.ts";
import { execOverGuest, type GuestCommand, type GuestProcess } from "../../transport/guest/exec.ts";
import { guestAt } from "../../transport/guest/info.ts";
import type { GuestAddress } from "../../transport/guest/link.ts";
import { warnOfOpenness } from "../../transport/endpoint/openness.ts";
import { execOverSsh } from "../../transport/ssh/exec.ts";
import { readToken } from "../../transport/endpoint/tstunnel.ts";
import { denoStreams, type LocalStreams } from "../local_streams.ts";
import { STOP_SIGNALS, type StopSignal, type System } from "../system.ts";
import { attach } from "./attach.ts";
import type { CommandRun } from "./command.ts";
import { explainGuestFailure, withShellStatus } from "./host_exec_failure.ts";

/** The size of a terminal whose size nobody knows. */
const USUAL_SIZE: TerminalSize = { cols: 80, rows: 24 };
const FIRST_LEVEL_NOTE =
  "remote-docker-agent: this server only has standard output; the exit status of " +
  "the command is not known\n";

/**
 * Returns the exit status of the command; see {@link attach}. Throws `AgentError`, which has the exit
 * codes of {@link withShellStatus}.
 */
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
  try {
    const started = await startUnlessStopped(
      system,
      (signal) => start(way, command, { streams, system, signal }),
    );
    if (typeof started === "number") return started;
    if (!started.framed) system.err(FIRST_LEVEL_NOTE);
    return await attach(started, command, streams, system);
  } catch (error) {
    throw withShellStatus(error);
  }
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
  return await startThere(way, { ...common, command: program, args }, signal);
}

type GuestWay = Extract<HostExecWay, { kind: "guest" }>;

async function startThere(
  way: GuestWay,
  command: Omit<GuestCommand, "host" | "token" | "signal">,
  signal: AbortSignal,
): Promise<GuestProcess> {
  const token = await readToken(way.tokenFile);
  const dialer = await Dialer.open(way.endpoint);
  warnOfOpenness(way.endpoint, logger("host-exec"));
  const address = { host: way.host, ...(token !== undefined && { token }) };
  if (command.tty !== undefined || command.cwd !== undefined) {
    await requireFrames(dialer, address, signal);
  }
  const stream = await dialer.dial(signal);
  try {
    return await execOverGuest(stream, { ...command, ...address, signal });
  } catch (error) {
    throw explainGuestFailure(way.endpoint, error, token !== undefined);
  }
}

/** A server of the first level would run the command without them, perhaps where it does harm. */
async function requireFrames(
  dialer: Dialer,
  address: GuestAddress,
  signal: AbortSignal,
): Promise<void> {
  const { host, port } = dialer.endpoint;
  const name = formatHostPort(host, port);
  const found = await guestAt(dialer, { ...address, name, signal });
  const knows = found.kind === "guest"
    ? found.link.capabilities.has("exec-framed-v1")
    : found.kind === "silent" || found.status !== 404;
  if (knows) return;
  throw new AgentError(
    "engine",
    `The server "${name}" knows neither terminals nor working directories`,
    { hint: "leave out -t and -w; a shell can change the directory: -- sh -c 'cd DIR && …'" },
  );
}
