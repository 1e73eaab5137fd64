/**
 * `run [NAME] -- COMMAND`: runs one command with an agent that lives just as long, on a private address
 * that nobody else is told of. Owns the agent, its address and the command.
 */
import { join } from "node:path";
import type { Agent } from "../../app/agent.ts";
import {
  chooseHost,
  type Configuration,
  type HostSettings,
  loadConfiguration,
} from "../../config/configuration.ts";
import { throwIt } from "../../config/file/file.ts";
import type { Place } from "../../config/paths.ts";
import { AgentError, messageOf } from "../../errors.ts";
import { logTo } from "../logging.ts";
import { STOP_SIGNALS, type StopSignal, type System } from "../system.ts";
import type { CommandRun } from "./command.ts";

/** As shells report a command that is not there, and one that may not be run. */
const NOT_FOUND = 127;
const NOT_PERMITTED = 126;

/** What would lead docker elsewhere; empty is as good as unset. */
const IN_THE_WAY = { DOCKER_CONTEXT: "", DOCKER_TLS_VERIFY: "", DOCKER_CERT_PATH: "" };

/** A command that runs. */
export interface RunningCommand {
  /** The exit code; 128 + the signal's number if one ended it. */
  readonly exit: Promise<number>;
  kill(signal: StopSignal): void;
}

/** Starts a command with these variables added to our own; throws what `Deno.Command` does. */
export type Spawn = (command: readonly string[], vars: Record<string, string>) => RunningCommand;

/** Returns the exit code of the command. Throws `AgentError` if there is no way to the host. */
export async function runWith(
  { invocation, sources, system, startAgent }: CommandRun,
  spawn: Spawn = denoSpawn,
): Promise<number> {
  const { places: [name] = [], rest: command = [] } = invocation;
  const configuration = await loadConfiguration({ ...sources, command: "start" }, throwIt, name);
  const host = chooseHost(configuration, name);
  // Its lines come between those of the command.
  const isAsked = host.origins["log-level"].source !== "default";
  logTo(system, isAsked ? host.logLevel : "warn", host.logFormat);
  const address = await privateAddress(system.place);
  const signals = new Signals(system);
  try {
    const agent = await startUnlessStopped(
      () => startAgent(alone(configuration, host, address.listen), signals.stop.signal),
      signals,
    );
    if (agent === undefined) return signals.exitCode;
    try {
      return await execute(command, agent, { system, signals, spawn });
    } finally {
      await agent.shutdown(host.shutdownTimeoutMs);
    }
  } finally {
    signals.close();
    await address.remove();
  }
}

/** The same host, for nobody else. */
function alone(
  { program }: Configuration,
  { name: _name, ...host }: HostSettings,
  listen: string,
): Configuration {
  const { idleExitMs: _idle, ...rest } = program;
  return {
    program: { ...rest, ops: { ...rest.ops, listen: [] } },
    hosts: [{ ...host, listen: [listen], onDemand: false }],
    isNamed: false,
    leavesOutHosts: false,
  };
}

async function startUnlessStopped(
  start: () => Promise<Agent>,
  signals: Signals,
): Promise<Agent | undefined> {
  try {
    const agent = await start();
    if (signals.first === undefined) return agent;
    await agent.shutdown(0);
  } catch (error) {
    if (signals.first === undefined) throw error;
  }
  return undefined;
}

async function execute(
  command: readonly string[],
  { hosts }: Agent,
  { system, signals, spawn }: { system: System; signals: Signals; spawn: Spawn },
): Promise<number> {
  const [endpoint = ""] = hosts.flatMap(({ addresses }) => addresses);
  try {
    const running = spawn(command, { ...IN_THE_WAY, DOCKER_HOST: endpoint });
    signals.follow((signal) => {
      // A terminal sends its own to the command as well.
      if (signal !== "SIGINT" || !system.isTerminal) running.kill(signal);
    });
    return await running.exit;
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    const why = missing ? "there is no such command" : messageOf(error);
    system.err(`remote-docker-agent: Cannot run "${command[0]}": ${why}\n`);
    return missing ? NOT_FOUND : NOT_PERMITTED;
  }
}

/** What is asked of us while the agent starts, and then of the command. */
class Signals {
  readonly stop = new AbortController();
  first: StopSignal | undefined;
  #follow: ((signal: StopSignal) => void) | undefined;
  readonly #unwatch: () => void;

  constructor(system: System) {
    this.#unwatch = system.onSignal((signal) => {
      if (this.#follow !== undefined) return this.#follow(signal);
      this.first ??= signal;
      this.stop.abort(new AgentError("lost", "The start was interrupted"));
    });
  }

  get exitCode(): number {
    return 128 + STOP_SIGNALS[this.first ?? "SIGTERM"];
  }

  follow(handler: (signal: StopSignal) => void): void {
    this.#follow = handler;
  }

  close(): void {
    this.#unwatch();
  }
}

async function privateAddress({ platform }: Place) {
  if (platform === "windows") {
    const listen = `npipe:////./pipe/remote-docker-agent-run-${crypto.randomUUID()}`;
    return { listen, remove: () => Promise.resolve() };
  }
  // Of mode 0700, so that nobody else gets to what is in it.
  const directory = await Deno.makeTempDir({ prefix: "remote-docker-agent-" });
  return {
    listen: `unix://${join(directory, "docker.sock")}`,
    remove: () => Deno.remove(directory, { recursive: true }),
  };
}

function denoSpawn(command: readonly string[], vars: Record<string, string>): RunningCommand {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, {
    args,
    env: vars,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  return {
    exit: child.status.then(({ code }) => code),
    kill(signal) {
      try {
        child.kill(signal);
      } catch {
        // It has ended by itself.
      }
    },
  };
}
