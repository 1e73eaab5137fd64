/** `context add|rm|ls|use`: the contexts of the docker command line that lead to hosts of ours. */
import {
  chooseHost,
  type Configuration,
  type HostSettings,
  loadConfiguration,
} from "../../config/configuration.ts";
import { throwIt } from "../../config/file/file.ts";
import { dockerFolder, runtimeFolders } from "../../config/paths.ts";
import { describeRemote } from "../../config/settings/settings.ts";
import { AgentError } from "../../errors.ts";
import { describeContext } from "../../hosts/context_states.ts";
import { ContextStore } from "../../hosts/context_store.ts";
import { askAll } from "../../ops/ask.ts";
import type { Status } from "../../ops/status.ts";
import { logTo } from "../logging.ts";
import type { System } from "../system.ts";
import { renderTable } from "../table.ts";
import type { CommandRun } from "./command.ts";
import { clientAddress } from "./env.ts";

/** Asks all programs that run. */
export type Ask = (directories: readonly string[]) => Promise<Status[]>;

/** Returns the exit code 0. Throws `AgentError`. */
export async function runContext(
  { invocation, sources, system }: CommandRun,
  ask: Ask = askAll,
): Promise<number> {
  logTo(system, "warn");
  const { operand, places: [name] = [] } = invocation;
  const folder = dockerFolder(system.place);
  if (folder === undefined) {
    throw new AgentError("config", "Cannot tell where docker keeps its contexts", {
      hint: "set HOME or DOCKER_CONFIG",
    });
  }
  const store = new ContextStore(folder);
  if (operand === "ls") await list(store, system);
  else if (operand === "add") {
    const configuration = await loadConfiguration({ ...sources, command: "start" }, throwIt, name);
    await add(store, hostsToAdd(configuration, name), system, ask);
  } else if (operand === "rm") {
    await store.remove(required(name, "rm"));
    system.out(`Removed the context ${name}\n`);
  } else {
    await store.use(required(name, "use"));
    system.out(`docker uses the context ${name} from now on\n`);
    warnOfVariables(system);
  }
  return 0;
}

function required(name: string | undefined, word: string): string {
  if (name !== undefined) return name;
  throw new AgentError("usage", `Missing NAME after "context ${word}"`, {
    hint: "remote-docker-agent context ls shows the names",
  });
}

/** The one that is named, or all of them. */
function hostsToAdd(configuration: Configuration, name: string | undefined): HostSettings[] {
  if (name === undefined && configuration.isNamed) return [...configuration.hosts];
  const host = chooseHost(configuration, name);
  if (host.name !== undefined) return [host];
  throw new AgentError("usage", "Contexts are for hosts that have a name", {
    hint: 'list the host under "hosts" in the configuration file',
  });
}

async function add(
  store: ContextStore,
  hosts: readonly HostSettings[],
  system: System,
  ask: Ask,
): Promise<void> {
  const served = (await ask(runtimeFolders(system.place))).flatMap((status) => status.hosts);
  for (const host of hosts) {
    const { name = "" } = host;
    const found = served.find((each) => each.name === name);
    const { address, state } = found ?? { address: describeRemote(host), state: "not served" };
    const endpoint = clientAddress(host);
    await store.add({ name, endpoint, description: describeContext({ name, address, state }) });
    system.out(`docker --context ${name} leads to ${endpoint}\n`);
  }
}

async function list(store: ContextStore, system: System): Promise<void> {
  const current = await store.current();
  const rows = (await store.list()).map(({ name, endpoint, description }) => [
    name === current ? `${name} *` : name,
    endpoint,
    description,
  ]);
  system.out(renderTable([["NAME", "DOCKER ENDPOINT", "DESCRIPTION"], ...rows]));
}

/** Variables outdo the context in use. */
function warnOfVariables({ place, err }: System): void {
  for (const variable of ["DOCKER_HOST", "DOCKER_CONTEXT"]) {
    if (!place.env[variable]) continue;
    err(`remote-docker-agent: ${variable} is set, and docker prefers it; unset it\n`);
  }
}
