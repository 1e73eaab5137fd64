/**
 * From what was given to {@link Values}: flags before environment before file before defaults. Pure
 * given its inputs; reading the file is handed in. What becomes of them is in `configuration.ts`.
 */
import { AgentError } from "../errors.ts";
import type { CommandName } from "./commands.ts";
import { readEnvironment } from "./env.ts";
import { type FileContents, readFileContents, type Report, throwIt } from "./file/file.ts";
import { type ReadFile, readText } from "./file/text_file.ts";
import { type Given, type Origin, rankOf } from "./option.ts";
import { defaultConfigFile, pathsOf, type Place } from "./paths.ts";
import { OPTION_NAMES, type OptionName, specOf, type Values } from "./schema.ts";
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
  readonly readFile: ReadFile;
}

/** The values of a command with where they came from, before it is judged how they go together. */
export interface Loaded {
  readonly values: Values;
  readonly origins: Readonly<Record<OptionName, Origin>>;
}

/** All that was given, before any of it is read. */
export interface Found {
  readonly file: FileContents;
  /** The file that was read or, as the user's own, looked for; absent if none is to be read. */
  readonly path?: string;
  /** From the environment and the command line. */
  readonly above: readonly Given<OptionName>[];
}

/** Throws `AgentError` of kind `usage` or `config`, naming flag, variable or file and line. */
export async function loadValues(sources: Sources): Promise<Loaded> {
  const { file, above } = await findGiven(sources);
  return settle([...file.values, ...above], sources);
}

/** Collects what was given; mistakes in the file go to `report`, others are thrown. */
export async function findGiven(sources: Sources, report: Report = throwIt): Promise<Found> {
  const { place } = sources;
  const above = [...readEnvironment(place.env, sources.cwd), ...sources.flags];
  const named = strongest(above.filter(({ name }) => name === "config")).at(-1);
  const path = named === undefined
    ? defaultConfigFile(place)
    : readValue(specOf("config"), named, place);
  if (typeof path !== "string" || path === NONE) return { file: { values: [] }, above };
  const text = await textOf(path, named === undefined, sources);
  if (text === undefined) return { file: { values: [] }, path, above };
  const base = pathsOf(place.platform).dirname(path);
  return { file: readFileContents(text, path, base, report), path, above };
}

/** The text of the file; `undefined` for the user's own one that is not there. */
async function textOf(
  path: string,
  optional: boolean,
  { readFile }: Sources,
): Promise<string | undefined> {
  let isMissing = false;
  const refuse = (why: string, cause?: unknown) => {
    isMissing = cause instanceof Deno.errors.NotFound;
    return new AgentError("config", `Cannot read configuration file ${quote(path)}: ${why}`, {
      cause,
      hint: "check --config (or RDA_CONFIG) and who may read the file",
    });
  };
  try {
    return await readText(path, readFile, refuse);
  } catch (error) {
    if (optional && isMissing) return undefined;
    throw error;
  }
}

/** Of several sources only the strongest counts; its values keep their order. */
function strongest(found: readonly Given<OptionName>[]): Given<OptionName>[] {
  const rank = Math.max(...found.map(({ origin }) => rankOf(origin)));
  return found.filter(({ origin }) => rankOf(origin) === rank);
}

/**
 * Reads every value, also those that a stronger source outdoes, so that a mistake is reported where
 * it stands and not only on the day it takes effect. What is wrong is left out if `report` returns.
 */
export function settle(
  given: readonly Given<OptionName>[],
  { command, place, cwd }: Pick<Sources, "command" | "place" | "cwd">,
  report: Report = throwIt,
): Loaded {
  const values: Partial<Record<OptionName, Value | readonly Value[] | undefined>> = {};
  const origins: Partial<Record<OptionName, Origin>> = {};
  const read = (item: Given<OptionName>): Value[] => {
    try {
      return [readValue(specOf(item.name), item, place)];
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      report(error);
      return [];
    }
  };
  for (const name of OPTION_NAMES) {
    const spec = specOf(name);
    const inherent = spec.default === undefined
      ? []
      : [{ name, text: spec.default, origin: defaultOrigin(name), base: cwd }];
    const applies = spec.commands.includes(command);
    const found = applies ? given.filter((item) => item.name === name) : [];
    const readings = new Map(found.map((item) => [item, read(item)]));
    const chosen = strongest(found.length > 0 ? found : inherent);
    const all = chosen.flatMap((item) => readings.get(item) ?? read(item));
    values[name] = spec.many === true ? all : all.at(-1);
    origins[name] = chosen.at(-1)?.origin ?? defaultOrigin(name);
  }
  // The loop above fills in every name, each with the type its row of the table asks for.
  return { values: values as Values, origins: origins as Record<OptionName, Origin> };
}

function defaultOrigin(name: OptionName): Origin {
  return { source: "default", where: `the default of --${name}` };
}
