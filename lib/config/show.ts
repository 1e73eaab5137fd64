/** The values in effect as a file would have them, for `config show`. Pure. */
import { fileKeyOf, type Origin } from "./option.ts";
import { isPerHost } from "./file/keys.ts";
import type { Loaded } from "./load.ts";
import { OPTION_NAMES, type OptionName, SECRETS, specOf } from "./schema.ts";
import { formatDuration } from "./values.ts";

/** Stands for a value that nobody may read over a shoulder. */
const MASK = "***";

/** Options whose names say that their values are secrets. */
const SECRET_NAME = /(^|-)(passphrase|password|secret|token)(-|$)/;

/** One value as it is in effect. */
export interface ShownValue {
  readonly key: string;
  readonly value: unknown;
  /** For people, such as `"timeout" (/etc/config.yaml:3:10)`. */
  readonly origin: string;
}

/** One remote host. */
export interface ShownHost {
  readonly name: string;
  readonly values: readonly ShownValue[];
}

/** All values of `start`, and the secrets that variables carry. */
export function showValues(
  { values, origins }: Loaded,
  env: Readonly<Record<string, string>>,
): ShownValue[] {
  const names = OPTION_NAMES.filter((name) =>
    specOf(name).commands.includes("start") && specOf(name).inFile !== false
  );
  const secrets = SECRETS.filter((secret) => env[secret.env]).map((secret) => ({
    key: fileKeyOf(secret.env.replace(/^RDA_/, "").toLowerCase()),
    value: MASK,
    origin: `environment variable ${secret.env}`,
  }));
  return [...names.map((name) => shown(name, values[name], origins[name])), ...secrets];
}

/** What a host has otherwise than `common`. */
export function showHost({ values, origins }: Loaded, common: Loaded): ShownValue[] {
  return OPTION_NAMES.filter((name) => isPerHost(name) && specOf(name).inFile !== false)
    .map((name) => [name, JSON.stringify(values[name])] as const)
    .filter(([name, text]) =>
      origins[name].source === "host" || text !== JSON.stringify(common.values[name])
    )
    .map(([name]) => shown(name, values[name], origins[name]));
}

function shown(name: OptionName, value: unknown, origin: Origin): ShownValue {
  const key = fileKeyOf(name);
  const where = origin.source === "default" ? "default" : origin.where;
  const isSecret = SECRET_NAME.test(name) && specOf(name).type === "string";
  if (isSecret && value !== undefined) return { key, value: MASK, origin: where };
  const isTime = specOf(name).type === "duration" && typeof value === "number";
  return { key, value: isTime ? formatDuration(value) : value, origin: where };
}

/** YAML, with the origin of each value as a comment if asked for. */
export function renderValues(
  values: readonly ShownValue[],
  hosts: readonly ShownHost[],
  withOrigin: boolean,
): string {
  const rows = [
    ...values.filter(({ value }) => isSet(value)).map((each) => row("", each)),
    ...(hosts.length === 0 ? [] : [["hosts:", ""] as const]),
    ...hosts.flatMap(({ name, values: own }) => [
      [`  - name: ${name}`, ""] as const,
      ...own.filter(({ value }) => isSet(value)).map((each) => row("    ", each)),
    ]),
  ];
  const width = Math.min(60, Math.max(...rows.map(([text]) => text.length)));
  return rows.map(([text, origin]) =>
    withOrigin && origin !== "" ? `${text.padEnd(width)}  # ${origin}\n` : `${text}\n`
  ).join("");
}

function isSet(value: unknown): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

/** JSON is YAML, so that every text is quoted right. */
function row(indent: string, { key, value, origin }: ShownValue): readonly [string, string] {
  return [`${indent}${key}: ${JSON.stringify(value)}`, origin];
}
