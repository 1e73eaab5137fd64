/** `config check|show|schema`: looks at the configuration and changes nothing. */
import {
  type Configuration,
  listedHosts,
  loadConfiguration,
  loadHost,
} from "../../config/configuration.ts";
import { configSchema } from "../../config/file/json_schema.ts";
import { findGiven, loadValues, settle, type Sources } from "../../config/load.ts";
import { renderValues, showHost, showValues } from "../../config/show.ts";
import { AgentError, describeError, EXIT_CODES } from "../../errors.ts";
import type { Invocation } from "../args.ts";
import { logTo } from "../logging.ts";
import type { System } from "../system.ts";

/** Returns the exit code. Throws `AgentError` for what makes it pointless to go on. */
export async function runConfig(
  { operand, flags }: Extract<Invocation, { kind: "run" }>,
  sources: Sources,
  system: System,
): Promise<number> {
  if (operand === "schema") {
    system.out(JSON.stringify(configSchema(), null, 2) + "\n");
    return 0;
  }
  logTo(system, "warn");
  const asStart: Sources = { ...sources, command: "start", flags };
  if (operand === "check") return await check(asStart, system);
  const { values: { json, origin } } = await loadValues(sources);
  return await show(asStart, { json, origin }, system);
}

/** Every mistake is a line on standard error; the exit code is that of the first. */
async function check(sources: Sources, system: System): Promise<number> {
  const lines = new Set<string>();
  const tell = (error: AgentError) => {
    // What is misspelt in the file is missing as well, under its own name.
    if (lines.size > 0 && error.kind === "usage") return;
    lines.add(describeError(error));
  };
  let configuration: Configuration | undefined;
  try {
    configuration = await loadConfiguration(sources, tell);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    // A configuration without any sound host is told of by what is wrong with them.
    if (lines.size === 0) tell(error);
  }
  for (const line of lines) system.err(`${line}\n`);
  if (lines.size > 0 || configuration === undefined) return EXIT_CODES.config;
  const { hosts, isNamed, path } = configuration;
  const what = isNamed
    ? `${hosts.length} host${hosts.length === 1 ? "" : "s"}: ${
      hosts.map(({ name }) => name).join(", ")
    }`
    : "one host";
  system.out(`The configuration is in order: ${what}${path === undefined ? "" : ` (${path})`}\n`);
  return 0;
}

async function show(
  sources: Sources,
  { json, origin }: { json: boolean; origin: boolean },
  system: System,
): Promise<number> {
  const found = await findGiven(sources);
  const common = settle([...found.file.values, ...found.above], sources);
  const values = showValues(common, sources.place.env);
  const hosts = (listedHosts(found) ?? []).flatMap((entry) => {
    const loaded = loadHost(entry, found, sources);
    return loaded === undefined ? [] : [{ name: entry.name, values: showHost(loaded, common) }];
  });
  if (json) system.out(JSON.stringify({ values, hosts }, null, 2) + "\n");
  else system.out(renderValues(values, hosts, origin));
  return 0;
}
