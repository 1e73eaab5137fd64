/** What a service is to run: which command, and with which of the flags, checked as it would itself. */
import { loadConfiguration } from "../../config/configuration.ts";
import { guestPlace, guestSettings } from "../../config/settings/guest.ts";
import { loadValues, type Sources } from "../../config/load.ts";
import type { Given } from "../../config/option.ts";
import { type OptionName, specOf } from "../../config/schema.ts";
import { AgentError } from "../../errors.ts";
import { isServiceCommand, SERVICE_KINDS, type ServiceCommand } from "../../ops/service/kinds.ts";
import type { System } from "../system.ts";

/** The command that a word of the user names; `start` without one. Throws `AgentError` (`usage`). */
export function serviceCommand(word: string | undefined): ServiceCommand {
  if (word === undefined) return "start";
  if (isServiceCommand(word)) return word;
  throw new AgentError("usage", `Cannot make a service of "${word}"`, {
    hint: `the commands that can be one are ${Object.keys(SERVICE_KINDS).join(", ")}`,
  });
}

/** The flags for the command, without those for `service` itself. Throws `AgentError` (`usage`). */
export function flagsFor(
  command: ServiceCommand,
  given: readonly Given<OptionName>[],
): readonly Given<OptionName>[] {
  const isFor = (each: string) => ({ name }: Given<OptionName>) =>
    specOf(name).commands.some((one) => one === each);
  const stray = given.find((flag) => !isFor(command)(flag) && !isFor("service")(flag));
  if (stray !== undefined) {
    throw new AgentError("usage", `${stray.origin.where} is no option of ${command}`, {
      hint: `see remote-docker-agent help ${command}`,
    });
  }
  return given.filter(isFor(command));
}

/** What a service's settings say of it beside what it does. */
export interface TargetFacts {
  /** How long the command takes to end, in milliseconds. */
  readonly stopMs: number;
  readonly logFile?: string;
}

/** A service that cannot start is not worth installing: throws `AgentError`, as the command would. */
export async function checkTarget(
  command: ServiceCommand,
  flags: readonly Given<OptionName>[],
  sources: Sources,
  { place, readFile }: System,
): Promise<TargetFacts> {
  const own = { ...sources, command, flags };
  if (command === "start") {
    const { shutdownTimeoutMs, logFile } = (await loadConfiguration(own)).program;
    return factsOf(shutdownTimeoutMs, logFile);
  }
  const loaded = await loadValues(own);
  if (command === "gateway") {
    const { gatewayLoader } = await import("../../config/settings/gateway.ts");
    await gatewayLoader(loaded, place, readFile)();
  } else {
    if (place.platform === "windows") {
      throw new AgentError("usage", "The guest does not run on Windows");
    }
    guestSettings(loaded, guestPlace(place));
  }
  return factsOf(loaded.values["shutdown-timeout"], loaded.values["log-file"]);
}

function factsOf(stopMs: number, logFile: string | undefined): TargetFacts {
  return { stopMs, ...(logFile !== undefined && { logFile }) };
}
