/**
 * `start`: runs the agent until a signal or a failure ends it. The first signal drains, the second
 * ends at once. Owns the agent and the signal handlers.
 */
import type { Agent } from "../../app.ts";
import { describeRemote, type Settings } from "../../config/settings.ts";
import { messageOf } from "../../errors.ts";
import { logger } from "../../log.ts";
import { isLoopback, parseListenAddress } from "../../net/address.ts";
import { STOP_SIGNALS, type StopSignal, type System } from "../system.ts";

/** See `startAgent` in `lib/app.ts`. */
export type StartAgent = (settings: Settings, signal: AbortSignal) => Promise<Agent>;

/** Exit code of a process ended by a signal, as shells report it. */
function exitCodeOfSignal(signal: StopSignal): number {
  return 128 + STOP_SIGNALS[signal];
}

/**
 * Returns the exit code: 0 after a drain, 128 + the signal's number when a signal came before the
 * agent was up or a second one during the drain. Throws what ended the agent otherwise.
 */
export async function runStart(
  settings: Settings,
  startAgent: StartAgent,
  system: System,
): Promise<number> {
  const first = Promise.withResolvers<StopSignal>();
  const second = Promise.withResolvers<StopSignal>();
  let seen = 0;
  const unwatch = system.onSignal((signal) => (seen++ === 0 ? first : second).resolve(signal));
  try {
    return await Promise.race([
      serve(settings, startAgent, first.promise, system),
      second.promise.then(exitCodeOfSignal),
    ]);
  } finally {
    unwatch();
  }
}

async function serve(
  settings: Settings,
  startAgent: StartAgent,
  stopped: Promise<StopSignal>,
  system: System,
): Promise<number> {
  const log = logger("start");
  const giveUp = new AbortController();
  const starting = startAgent(settings, giveUp.signal);
  const early = await Promise.race([starting.then(() => undefined), stopped]);
  if (early !== undefined) {
    giveUp.abort();
    await abandon(starting);
    return exitCodeOfSignal(early);
  }
  const agent = await starting;
  for (const address of agent.addresses) {
    log.info(`Listening on ${address} for ${describeRemote(settings)}`);
  }
  system.out(renderExport(agent.addresses, system.place.platform));
  const end = await Promise.race([stopped, agent.failed]);
  if (end instanceof Error) {
    await close(agent);
    throw end;
  }
  log.info("Shutting down; a second signal ends at once", { signal: end });
  await agent.shutdown(settings.shutdownTimeoutMs);
  return 0;
}

async function abandon(starting: Promise<Agent>): Promise<void> {
  let agent: Agent;
  try {
    agent = await starting;
  } catch {
    // It was told to give up, so that it fails is what was asked for.
    return;
  }
  await close(agent);
}

async function close(agent: Agent): Promise<void> {
  try {
    await agent.shutdown(0);
  } catch (error) {
    // What ended the agent is the story; this is an afterthought to it.
    logger("start").warn(`Cannot shut down cleanly: ${messageOf(error)}`);
  }
}

/**
 * What to type so that docker finds the agent, for standard output: one command for the first
 * address and a comment for each other, so that a shell can read all of it.
 */
export function renderExport(
  addresses: readonly string[],
  platform: typeof Deno.build.os,
): string {
  const lines = addresses.map((address) => {
    const variables: [string, string][] = [["DOCKER_HOST", address]];
    if (needsTls(address)) variables.push(["DOCKER_TLS_VERIFY", "1"]);
    if (platform !== "windows") {
      return "export " + variables.map(([name, text]) => `${name}=${quoteShell(text)}`).join(" ");
    }
    return variables.map(([name, text]) => `$env:${name} = "${text}"`).join("; ");
  });
  return lines.map((line, index) => (index === 0 ? `${line}\n` : `# ${line}\n`)).join("");
}

/** Only addresses other machines can reach have TLS, and they always do. */
function needsTls(address: string): boolean {
  const parsed = parseListenAddress(address);
  return parsed.kind === "tcp" && !isLoopback(parsed.host);
}

function quoteShell(text: string): string {
  return /^[\w@%+=:,./[\]-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
