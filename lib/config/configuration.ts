/**
 * The configuration of `start`: what holds for the whole program, and the settings of each remote
 * host. There is one host without a name when flags or variables lead to one, or when the file lists
 * none; otherwise those of the file, each with its own entry over the values at the top.
 */
import { AgentError } from "../errors.ts";
import { bindSettings } from "./settings/binds.ts";
import { checkValues } from "./check.ts";
import { checkSharedFlags } from "./settings/endpoint.ts";
import { type HostEntry, type Report, throwIt } from "./file/file.ts";
import { checkAddresses } from "./host_addresses.ts";
import { findGiven, type Found, type Loaded, settle, type Sources } from "./load.ts";
import type { Given } from "./option.ts";
import { clientLimits, opsSettings } from "./settings/ops.ts";
import { dockerFolder, pathsOf, type Place, runtimeFolders, stateFolder } from "./paths.ts";
import { type OptionName, SECRETS } from "./schema.ts";
import { describeRemote, makeSettings, type Settings } from "./settings/settings.ts";
import { quote } from "./values.ts";

/** What no host can have for itself. */
export type ProgramSettings = Pick<
  Settings,
  "logLevel" | "logFormat" | "logFile" | "shutdownTimeoutMs" | "ops" | "idleExitMs"
>;

/** One remote host. */
export interface HostSettings extends Settings {
  /** Absent: there is one host, which is not from a list. */
  readonly name?: string;
}

/** See the file comment. */
export interface Configuration {
  readonly program: ProgramSettings;
  /** At least one. */
  readonly hosts: readonly HostSettings[];
  /** The hosts have names: they come from the file, which may change while they run. */
  readonly isNamed: boolean;
  /** The file that was read or, as the user's own, looked for. */
  readonly path?: string;
  /** The file has hosts, but flags or variables lead to another one. */
  readonly leavesOutHosts: boolean;
  /** Where docker keeps its contexts, if known. */
  readonly dockerFolder?: string;
}

/** One remote host as it was given, with the values that come from all sources together. */
export interface LoadedHost extends Loaded {
  readonly entry: HostEntry;
}

/** The options that say where a remote host is, and the transport that takes them. */
const DESTINATIONS: ReadonlyMap<string, string> = new Map([
  ["ssh-host", "ssh"],
  ["mtls-endpoint", "mtls"],
  ["ts-server", "tstunnel"],
]);

/**
 * Throws `AgentError` of kind `usage` or `config`, naming flag, variable or file and line. That there
 * is no host `wanted` is said before anything else is judged.
 */
export async function loadConfiguration(
  sources: Sources,
  report: Report = throwIt,
  wanted?: string,
): Promise<Configuration> {
  const found = await findGiven(sources, report);
  const listed = listedHosts(found);
  const isListed = listed?.some(({ name }) => name === wanted) ?? false;
  if (wanted !== undefined && !isListed) throw unknownHost(wanted, found);
  const leavesOutHosts = listed === undefined && found.file.hosts !== undefined;
  const docker = dockerFolder(sources.place);
  const rest = {
    ...(found.path !== undefined && { path: found.path }),
    ...(docker !== undefined && { dockerFolder: docker }),
    leavesOutHosts,
  };
  if (listed === undefined) {
    const loaded = settleSoundly([...found.file.values, ...found.above], sources, report);
    const hosts = loaded === undefined ? [] : [settingsOf(loaded, sources)];
    return { program: programOf(hosts), hosts, isNamed: false, ...rest };
  }
  const hosts = listed.flatMap((entry): HostSettings[] => {
    const loaded = loadHost(entry, found, sources, report);
    if (loaded === undefined) return [];
    try {
      return [{ ...settingsOf(loaded, sources), name: entry.name }];
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      report(aboutHost(error, entry));
      return [];
    }
  });
  checkSharedFlags(found.above, hosts);
  checkAddresses(hosts, report);
  return { program: programOf(hosts), hosts: apart(hosts, sources), isNamed: true, ...rest };
}

/** The settings of the one host that is meant: by its name, or because there is no other. */
export async function loadSettings(sources: Sources, name?: string): Promise<HostSettings> {
  return chooseHost(await loadConfiguration(sources, throwIt, name), name);
}

/**
 * As {@link loadSettings}, from a configuration that has been loaded for that host. Throws
 * `AgentError` of kind `usage`.
 */
export function chooseHost({ hosts }: Configuration, name?: string): HostSettings {
  const [only, another] = hosts;
  const found = name === undefined ? only : hosts.find((host) => host.name === name);
  if (found !== undefined && (name !== undefined || another === undefined)) return found;
  throw new AgentError("usage", "Cannot tell which remote host is meant", {
    hint: `name one of ${hosts.flatMap((host) => host.name ?? []).join(", ")}`,
  });
}

function unknownHost(name: string, { file, path, above }: Found): AgentError {
  const names = file.hosts?.map((host) => host.name) ?? [];
  const elsewhere = above.find((given) => DESTINATIONS.has(given.name));
  let hint = `list it under "hosts" in ${path ?? "a configuration file"}`;
  if (names.length > 0) hint = `the hosts are ${names.join(", ")}`;
  if (elsewhere !== undefined) {
    hint = `${elsewhere.origin.where} leads to a host without a name; leave one of the two out`;
  }
  return new AgentError("usage", `There is no host ${quote(name)} in the configuration`, { hint });
}

/** The hosts of the file, unless a stronger source leads to one of its own. */
export function listedHosts({ file, above }: Found): readonly HostEntry[] | undefined {
  return above.some(({ name }) => DESTINATIONS.has(name)) ? undefined : file.hosts;
}

/** All that holds for one host; `undefined` if it was reported that something does not. */
export function loadHost(
  entry: HostEntry,
  found: Found,
  sources: Pick<Sources, "command" | "place" | "cwd">,
  report: Report = throwIt,
): LoadedHost | undefined {
  const about = (error: AgentError) => report(aboutHost(error, entry));
  const given = [...found.file.values, ...entry.given, ...impliedTransport(entry), ...found.above];
  const loaded = settleSoundly(given, sources, report, about);
  if (loaded === undefined) return undefined;
  const { values, origins } = loaded;
  if (origins.listen.source !== "default" || values["local-socket"] !== undefined) {
    return { ...loaded, entry };
  }
  const listen = privateAddress(entry.name, sources.place);
  if (listen === undefined) {
    about(
      new AgentError("config", "Missing listen: there is no directory for a socket", {
        hint: "set HOME or XDG_RUNTIME_DIR, or say where to listen",
      }),
    );
    return undefined;
  }
  return { values: { ...values, listen: [listen] }, origins, entry };
}

/** Reads values and checks how they go together, which for one of several hosts is told by `tellOfHost`. */
function settleSoundly(
  given: readonly Given<OptionName>[],
  sources: Pick<Sources, "command" | "place" | "cwd">,
  report: Report,
  tellOfHost?: Report,
): Loaded | undefined {
  let isSound = true;
  const loaded = settle(given, sources, (error) => {
    isSound = false;
    report(error);
  });
  if (!isSound) return undefined;
  try {
    checkValues(loaded.values, loaded.origins, tellOfHost !== undefined);
    return loaded;
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    (tellOfHost ?? report)(error);
    return undefined;
  }
}

function aboutHost(error: AgentError, { name, where }: HostEntry): AgentError {
  return new AgentError("config", `Host "${name}" (${where}): ${error.message}`, {
    cause: error,
    ...(error.hint !== undefined && { hint: error.hint }),
  });
}

/** An entry that says where its host is in the words of one transport means that transport. */
function impliedTransport({ given }: HostEntry): Given<OptionName>[] {
  if (given.some(({ name }) => name === "transport")) return [];
  const places = given.filter(({ name }) => DESTINATIONS.has(name));
  const [place, another] = places;
  const text = DESTINATIONS.get(place?.name ?? "");
  if (place === undefined || text === undefined || another !== undefined) return [];
  return [{ ...place, name: "transport", text }];
}

/** Where a host is served that does not say so: nobody but the user gets there. */
function privateAddress(name: string, place: Place): string | undefined {
  if (place.platform === "windows") return `npipe:////./pipe/remote-docker-agent-${name}`;
  const [folder] = runtimeFolders(place);
  return folder && `unix://${pathsOf(place.platform).join(folder, `${name}.sock`)}`;
}

function settingsOf({ values, origins }: Loaded, { place, isTerminal }: Sources): Settings {
  return makeSettings(values, {
    origins,
    isTerminal,
    sshPassphrase: place.env[SECRETS[0].env] || undefined,
    stateFolder: stateFolder(place),
    limits: clientLimits(values),
    ops: opsSettings({ values, origins }, place),
    binds: bindSettings(values, place, isTerminal),
  });
}

/** The same for all hosts, but that a dump of one raises the level for all. */
function programOf(hosts: readonly Settings[]): ProgramSettings {
  const chosen = hosts.find(({ dump }) => dump) ?? hosts[0];
  if (chosen === undefined) {
    throw new AgentError("config", "The configuration has no host in order");
  }
  const { logLevel, logFormat, logFile, shutdownTimeoutMs, ops, idleExitMs, origins } = chosen;
  const isPlain = logFile !== undefined && origins["log-format"].source === "default";
  return {
    logLevel,
    logFormat: isPlain ? "text" : logFormat,
    ...(logFile !== undefined && { logFile }),
    shutdownTimeoutMs,
    ops,
    ...(idleExitMs !== undefined && { idleExitMs }),
  };
}

/** Two hosts that are one machine keep what they know of it apart, as two users would. */
function apart(hosts: readonly HostSettings[], { place }: Sources): HostSettings[] {
  const seen = new Set<string>();
  return hosts.map((host) => {
    const remote = describeRemote(host);
    const isFirst = !seen.has(remote);
    seen.add(remote);
    const { name = "", stateFolder: folder } = host;
    if (isFirst || folder === undefined) return host;
    return { ...host, stateFolder: pathsOf(place.platform).join(folder, "hosts", name) };
  });
}
