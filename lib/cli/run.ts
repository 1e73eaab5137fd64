/**
 * The command line: parses, validates, dispatches. The one place where an error becomes a line for
 * the user; the exit itself is left to `main.ts`.
 */
import metadata from "../../deno.json" with { type: "json" };
import { loadSettings, loadValues } from "../config/load.ts";
import { AgentError, describeError, exitCodeOf, messageOf } from "../errors.ts";
import { configureLogging, logger } from "../log.ts";
import { parseCommandLine } from "./args.ts";
import { runForwards } from "./commands/forwards.ts";
import { runRelayCommand } from "./commands/relay.ts";
import { runServiceCommand } from "./commands/service_install.ts";
import { runStart, type StartAgent } from "./commands/start.ts";
import { runStatus } from "./commands/status.ts";
import { runSync } from "./commands/sync.ts";
import { runConflicts, runPrune, runSyncs } from "./commands/syncs.ts";
import { denoSystem, type System } from "./system.ts";
import { renderUsage } from "./usage.ts";

const PROGRAM = "remote-docker-agent";
/** Causes logged beneath an error; a longer chain is a circle. */
const MAX_CAUSES = 8;

/** What {@link run} works with; `system` is the real process unless given. */
export interface Dependencies {
  readonly startAgent: StartAgent;
  /** Default: the real one. */
  readonly runRelay?: typeof runRelayCommand;
  readonly system?: System;
}

/** Runs one command line to its end and returns the exit code of the process. Never rejects. */
export async function run(args: readonly string[], dependencies: Dependencies): Promise<number> {
  const uncaught = Promise.withResolvers<never>();
  let system = dependencies.system;
  let unwatch = () => {};
  try {
    system ??= denoSystem();
    unwatch = system.onUncaught(uncaught.reject);
    const done = dispatch(args, dependencies, system);
    return await Promise.race([done, uncaught.promise]);
  } catch (error) {
    const line = `${PROGRAM}: ${report(error)}\n`;
    if (system === undefined) console.error(line.trimEnd());
    else system.err(line);
    return exitCodeOf(error);
  } finally {
    unwatch();
  }
}

async function dispatch(
  args: readonly string[],
  { startAgent, runRelay = runRelayCommand }: Dependencies,
  system: System,
): Promise<number> {
  const { place, cwd, isTerminal, readFile } = system;
  const invocation = parseCommandLine(args, cwd);
  if (invocation.kind === "help") {
    system.out(renderUsage(invocation.topic));
    return 0;
  }
  if (invocation.kind === "version") {
    system.out(`${PROGRAM} ${metadata.version}\n`);
    return 0;
  }
  const { command, flags } = invocation;
  const sources = { command, flags, place, cwd, isTerminal, readFile };
  const write = (line: string) => system.err(line + "\n");
  if (command === "relay-server" || command === "relay" || command === "keygen") {
    const loaded = await loadValues(sources);
    const { "log-level": level, "log-format": format } = loaded.values;
    configureLogging({ level, format: format ?? (isTerminal ? "text" : "json"), write });
    return await runRelay(command, loaded, system);
  }
  if (command === "status" || command === "forwards" || command === "service") {
    const { values } = await loadValues(sources);
    configureLogging({ level: "warn", format: isTerminal ? "text" : "json", write });
    if (command === "status") return await runStatus(values, system);
    if (command === "forwards") return await runForwards(values, system);
    const { operand } = invocation;
    return await runServiceCommand({ operand, flags, values, sources }, system);
  }
  if (command === "syncs" || command === "conflicts" || command === "prune") {
    const { values } = await loadValues(sources);
    configureLogging({ level: "warn", format: isTerminal ? "text" : "json", write });
    if (command === "conflicts") return await runConflicts(values, system);
    if (command === "prune") return await runPrune(values, system);
    return await runSyncs(invocation.operand, values, system);
  }
  if (command === "sync") return await runSync(invocation, sources, system);
  const settings = await loadSettings(sources);
  configureLogging({ level: settings.logLevel, format: settings.logFormat, write });
  return await runStart(settings, startAgent, system);
}

/** The line for the user; what lies beneath an error goes to the log, at level debug. */
function report(error: unknown): string {
  const log = logger("cli");
  let depth = 0;
  for (let at = error; at instanceof Error && depth < MAX_CAUSES; at = at.cause, depth++) {
    log.debug(messageOf(at), { name: at.name, stack: at.stack ?? "" });
  }
  if (error instanceof AgentError) return describeError(error);
  return `Internal error: ${messageOf(error)}; run again with --log-level debug and report it`;
}
