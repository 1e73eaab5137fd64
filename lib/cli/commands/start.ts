/** `start`: runs the agent until a signal or a failure ends it, and tells docker where it is. */
import type { Agent, ServedHost } from "../../app/agent.ts";
import { type Configuration, loadConfiguration } from "../../config/configuration.ts";
import { watchFile } from "../../config/file/watch_file.ts";
import type { Sources } from "../../config/load.ts";
import { describeError } from "../../errors.ts";
import { logger } from "../../log.ts";
import { isLoopback, parseListenAddress } from "../../net/address.ts";
import { shellQuote } from "../../transport/posix_shell.ts";
import { logTo, noting } from "../logging.ts";
import type { System } from "../system.ts";
import { runService } from "./service.ts";

/** See `startAgent` in `lib/app/start.ts`. */
export type StartAgent = (configuration: Configuration, signal: AbortSignal) => Promise<Agent>;

/** Returns the exit code; throws what ended the agent otherwise. See {@link runService}. */
export async function runStart(
  sources: Sources,
  startAgent: StartAgent,
  system: System,
): Promise<number> {
  const configuration = await loadConfiguration(sources);
  const { logLevel, logFormat, logFile } = configuration.program;
  logTo(system, logLevel, logFormat, logFile);
  return await noting(logFile, () => serve(configuration, { sources, startAgent, system }));
}

async function serve(
  configuration: Configuration,
  { sources, startAgent, system }: {
    readonly sources: Sources;
    readonly startAgent: StartAgent;
    readonly system: System;
  },
): Promise<number> {
  if (configuration.leavesOutHosts) {
    logger("start").info(`The hosts of ${configuration.path} are left out: another one is named`);
  }
  const reloading = new Reloading(sources, system);
  try {
    return await runService({
      scope: "start",
      start: (signal) => startAgent(configuration, signal),
      announce(agent) {
        if (!configuration.isNamed) announceOne(agent.hosts);
        reloading.begin(agent, configuration);
        system.out(renderExport(agent.hosts, system.place.platform));
      },
      get shutdownTimeoutMs() {
        return reloading.shutdownTimeoutMs ?? configuration.program.shutdownTimeoutMs;
      },
      // With a terminal the signal means that it is gone, and with it whoever would end us.
      ...(configuration.isNamed && !system.isTerminal && { onHangup: () => reloading.reload() }),
    }, system);
  } finally {
    reloading.end();
  }
}

function announceOne(hosts: readonly ServedHost[]): void {
  for (const { addresses, remote } of hosts) {
    for (const address of addresses) logger("start").info(`Listening on ${address} for ${remote}`);
  }
}

/** Follows the file that hosts are from: a good one takes effect, a bad one is told of and left. */
class Reloading {
  readonly #sources: Sources;
  readonly #system: System;
  #agent: Agent | undefined;
  #forget = () => {};
  #turn: Promise<void> = Promise.resolve();
  /** How long requests may take to finish, as the last good file has it. */
  shutdownTimeoutMs: number | undefined;

  constructor(sources: Sources, system: System) {
    this.#sources = sources;
    this.#system = system;
  }

  begin(agent: Agent, { isNamed, path }: Configuration): void {
    if (!isNamed || path === undefined || agent.reload === undefined) return;
    this.#agent = agent;
    this.#forget = watchFile(path, () => this.reload());
  }

  end(): void {
    this.#agent = undefined;
    this.#forget();
  }

  /** Reads the file again; changes follow each other. */
  reload(): void {
    this.#turn = this.#turn.then(() => this.#reload());
  }

  async #reload(): Promise<void> {
    const log = logger("config");
    try {
      const next = await loadConfiguration(this.#sources);
      if (!next.isNamed) {
        log.error("The file lists no hosts any more; those that run go on as they are");
        return;
      }
      const { logLevel, logFormat, logFile } = next.program;
      logTo(this.#system, logLevel, logFormat, logFile);
      this.shutdownTimeoutMs = next.program.shutdownTimeoutMs;
      const changes = await this.#agent?.reload?.(next);
      if (changes === undefined) return;
      const { started, stopped, kept } = changes;
      log.info("The configuration was read again", { started, stopped, kept });
    } catch (error) {
      log.error(`${describeError(error)}; the hosts go on as they are`);
    }
  }
}

/**
 * What to type so that docker finds the agent, for standard output: one command for the first
 * address and a comment for each other, so that a shell can read all of it.
 */
export function renderExport(
  hosts: readonly Pick<ServedHost, "name" | "addresses">[],
  platform: typeof Deno.build.os,
): string {
  const lines = hosts.flatMap(({ name, addresses }) =>
    addresses.map((address) => {
      const line = exportOf(address, platform);
      return name === undefined ? line : `${line} # ${name}`;
    })
  );
  return lines.map((line, index) => (index === 0 ? `${line}\n` : `# ${line}\n`)).join("");
}

function exportOf(address: string, platform: typeof Deno.build.os): string {
  const variables: [string, string][] = [["DOCKER_HOST", address]];
  if (needsTls(address)) variables.push(["DOCKER_TLS_VERIFY", "1"]);
  if (platform !== "windows") {
    return "export " + variables.map(([name, text]) => `${name}=${quoteShell(text)}`).join(" ");
  }
  return variables.map(([name, text]) => `$env:${name} = "${text}"`).join("; ");
}

/** Only addresses other machines can reach have TLS, and they always do. */
function needsTls(address: string): boolean {
  const parsed = parseListenAddress(address);
  return parsed.kind === "tcp" && !isLoopback(parsed.host);
}

function quoteShell(text: string): string {
  return /^[\w@%+=:,./[\]-]+$/.test(text) ? text : shellQuote(text);
}
