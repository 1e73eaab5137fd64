/** `start`: runs the agent until a signal or a failure ends it, and tells docker where it is. */
import type { Agent } from "../../app.ts";
import { describeRemote, type Settings } from "../../config/settings.ts";
import { logger } from "../../log.ts";
import { isLoopback, parseListenAddress } from "../../net/address.ts";
import type { System } from "../system.ts";
import { runService } from "./service.ts";

/** See `startAgent` in `lib/app.ts`. */
export type StartAgent = (settings: Settings, signal: AbortSignal) => Promise<Agent>;

/** Returns the exit code; throws what ended the agent otherwise. See {@link runService}. */
export function runStart(
  settings: Settings,
  startAgent: StartAgent,
  system: System,
): Promise<number> {
  return runService({
    scope: "start",
    start: (signal) => startAgent(settings, signal),
    announce({ addresses }) {
      for (const address of addresses) {
        logger("start").info(`Listening on ${address} for ${describeRemote(settings)}`);
      }
      system.out(renderExport(addresses, system.place.platform));
    },
    shutdownTimeoutMs: settings.shutdownTimeoutMs,
  }, system);
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
