/**
 * The command line: parses, validates, dispatches. The one place where an error becomes a line for
 * the user; the exit itself is left to `main.ts`.
 */
import metadata from "../../deno.json" with { type: "json" };
import { AgentError, describeError, exitCodeOf, messageOf } from "../errors.ts";
import { logger, oneLine } from "../log.ts";
import { parseCommandLine } from "./args.ts";
import type { Dependencies as CommandDependencies } from "./commands/command.ts";
import { RUN_COMMAND } from "./commands/table.ts";
import { denoSystem, type System } from "./system.ts";
import { renderUsage } from "./usage.ts";

const PROGRAM = "remote-docker-agent";
/** As shells report a program that SIGPIPE has ended. */
const READER_GONE = 128 + 13;
/** Causes logged beneath an error; a longer chain is a circle. */
const MAX_CAUSES = 8;

/** What {@link run} works with; `system` is the real process unless given. */
export interface Dependencies extends CommandDependencies {
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
    if (isReaderGone(error)) return READER_GONE;
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
  dependencies: CommandDependencies,
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
  return await RUN_COMMAND[command]({ ...dependencies, invocation, sources, system });
}

/** As after `--help | head -1`: there is nobody left to tell. */
function isReaderGone(error: unknown): boolean {
  return error instanceof AgentError && error.kind === "output" &&
    error.cause instanceof Deno.errors.BrokenPipe;
}

/** The line for the user; what lies beneath an error goes to the log, at level debug. */
function report(error: unknown): string {
  const log = logger("cli");
  let depth = 0;
  for (let at = error; at instanceof Error && depth < MAX_CAUSES; at = at.cause, depth++) {
    log.debug(messageOf(at), { name: at.name, stack: at.stack ?? "" });
  }
  if (error instanceof AgentError) return oneLine(describeError(error));
  return `Internal error: ${
    oneLine(messageOf(error))
  }; run again with --log-level debug and report it`;
}
