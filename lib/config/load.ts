/**
 * From what was given to {@link Settings}: flags before environment before file before defaults.
 * Pure given its inputs; reading the file is handed in.
 */
import { AgentError, messageOf } from "../errors.ts";
import { bindSettings } from "./bind_settings.ts";
import { checkValues } from "./check.ts";
import { readEnvironment } from "./env.ts";
import { MAX_FILE_BYTES, readFileValues } from "./file.ts";
import type { CommandName } from "./commands.ts";
import { type Given, type Origin, rankOf } from "./option.ts";
import { defaultConfigFile, pathsOf, type Place, stateFolder } from "./paths.ts";
import { OPTION_NAMES, type OptionName, SECRETS, specOf, type Values } from "./schema.ts";
import { clientLimits, opsSettings } from "./ops_settings.ts";
import { makeSettings, type Settings } from "./settings.ts";
import { NONE, quote, readValue, type Value } from "./values.ts";

/** Everything settings depend on. */
export interface Sources {
  readonly command: CommandName;
  /** The flags in the order of the command line. */
  readonly flags: readonly Given<OptionName>[];
  readonly place: Place;
  /** The directory that relative paths in flags and in the environment start from. */
  readonly cwd: string;
  /** Whether log messages go to a terminal. */
  readonly isTerminal: boolean;
  /** Up to `limit` bytes from the beginning of a file; rejects as `Deno.open` does. */
  readFile(path: string, limit: number): Promise<Uint8Array>;
}

/** The values of a command with where they came from, before it is judged how they go together. */
export interface Loaded {
  readonly values: Values;
  readonly origins: Readonly<Record<OptionName, Origin>>;
}

/** Throws `AgentError` of kind `usage` or `config`, naming flag, variable or file and line. */
export async function loadValues(sources: Sources): Promise<Loaded> {
  const above = [...readEnvironment(sources.place.env, sources.cwd), ...sources.flags];
  const file = await readConfigFile(above, sources);
  return settle([...file, ...above], sources);
}

/** The settings of `start`; throws as {@link loadValues}. */
export async function loadSettings(sources: Sources): Promise<Settings> {
  const { place, isTerminal } = sources;
  const { values, origins } = await loadValues(sources);
  checkValues(values, origins);
  const sshPassphrase = place.env[SECRETS[0].env] || undefined;
  return makeSettings(values, {
    origins,
    isTerminal,
    sshPassphrase,
    stateFolder: stateFolder(place),
    limits: clientLimits(values),
    ops: opsSettings({ values, origins }, place),
    binds: bindSettings(values, place, isTerminal),
  });
}

async function readConfigFile(
  above: readonly Given<OptionName>[],
  sources: Sources,
): Promise<Given<OptionName>[]> {
  const { place } = sources;
  const named = strongest(above.filter(({ name }) => name === "config")).at(-1);
  const value = named === undefined
    ? defaultConfigFile(place)
    : readValue(specOf("config"), named, place);
  if (typeof value !== "string" || value === NONE) return [];
  const text = await readText(value, named === undefined, sources);
  if (text === undefined) return [];
  return readFileValues(text, value, pathsOf(place.platform).dirname(value));
}

async function readText(
  path: string,
  optional: boolean,
  sources: Sources,
): Promise<string | undefined> {
  const refuse = (why: string, cause?: unknown) =>
    new AgentError("config", `Cannot read configuration file ${quote(path)}: ${why}`, {
      cause,
      hint: "check --config (or RDA_CONFIG) and who may read the file",
    });
  let bytes: Uint8Array;
  try {
    bytes = await sources.readFile(path, MAX_FILE_BYTES + 1);
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound;
    if (missing && optional) return undefined;
    if (missing) throw refuse("there is no such file", error);
    if (error instanceof Deno.errors.PermissionDenied) throw refuse("permission denied", error);
    throw refuse(messageOf(error), error);
  }
  if (bytes.length > MAX_FILE_BYTES) throw refuse(`larger than ${MAX_FILE_BYTES} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw refuse("not UTF-8 text", error);
  }
}

/** Of several sources only the strongest counts; its values keep their order. */
function strongest(found: readonly Given<OptionName>[]): Given<OptionName>[] {
  const rank = Math.max(...found.map(({ origin }) => rankOf(origin)));
  return found.filter(({ origin }) => rankOf(origin) === rank);
}

/**
 * Reads every value, also those that a stronger source outdoes, so that a mistake is reported where
 * it stands and not only on the day it takes effect.
 */
function settle(given: readonly Given<OptionName>[], { command, place, cwd }: Sources) {
  const values: Partial<Record<OptionName, Value | readonly Value[] | undefined>> = {};
  const origins: Partial<Record<OptionName, Origin>> = {};
  for (const name of OPTION_NAMES) {
    const spec = specOf(name);
    const inherent = spec.default === undefined
      ? []
      : [{ name, text: spec.default, origin: defaultOrigin(name), base: cwd }];
    const applies = spec.commands.includes(command);
    const found = applies ? given.filter((item) => item.name === name) : [];
    for (const item of found) readValue(spec, item, place);
    const chosen = strongest(found.length > 0 ? found : inherent);
    const all = chosen.map((item) => readValue(spec, item, place));
    values[name] = spec.many === true ? all : all.at(-1);
    origins[name] = chosen.at(-1)?.origin ?? defaultOrigin(name);
  }
  // The loop above fills in every name, each with the type its row of the table asks for.
  return { values: values as Values, origins: origins as Record<OptionName, Origin> };
}

function defaultOrigin(name: OptionName): Origin {
  return { source: "default", where: `the default of --${name}` };
}
