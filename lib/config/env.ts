/**
 * Reads options from the environment. Every `RDA_` variable is ours, so an unknown one is an error;
 * an empty one counts as unset, as is customary. A variable of a list holds its items separated by
 * commas.
 */
import { AgentError } from "../errors.ts";
import { envNameOf, type Given } from "./option.ts";
import { OPTION_NAMES, type OptionName, SECRETS, specOf } from "./schema.ts";
import { suggestion } from "./suggest.ts";

type Environment = Readonly<Record<string, string>>;

const PREFIX = envNameOf("");
const OWN_NAMES = [...OPTION_NAMES.map(envNameOf), ...SECRETS.map(({ env }) => env)];

/** The values in `env`; relative paths start from `base`. Throws `AgentError` of kind `config`. */
export function readEnvironment(env: Environment, base: string): Given<OptionName>[] {
  const unknown = Object.keys(env).sort().find((key) =>
    key.startsWith(PREFIX) && !OWN_NAMES.includes(key)
  );
  if (unknown !== undefined) {
    throw new AgentError("config", `Unknown environment variable "${unknown}"`, {
      hint: suggestion(unknown, OWN_NAMES, "remote-docker-agent --help lists all options"),
    });
  }
  return OPTION_NAMES.flatMap((name) => readVariable(name, env, base));
}

function readVariable(name: OptionName, env: Environment, base: string): Given<OptionName>[] {
  const spec = specOf(name);
  const variable = [envNameOf(name), ...spec.env ?? []].find((key) => (env[key] ?? "") !== "");
  if (variable === undefined) return [];
  const text = env[variable] ?? "";
  const texts = spec.many === true ? text.split(",").map((item) => item.trim()) : [text];
  const origin = { source: "environment", where: `environment variable ${variable}` } as const;
  return texts.map((item) => ({ name, text: item, origin, base }));
}
