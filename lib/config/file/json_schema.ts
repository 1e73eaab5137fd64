/**
 * The JSON Schema (draft 2020-12) of the configuration file, for editors: made from the option table, so
 * that it knows every key, group and name of an earlier tool. It is a little wider than the reader,
 * which also judges what goes together. Pure.
 */
import { GROUP_KEYS, HOSTS_KEY, isPerHost, KEYS } from "./keys.ts";
import { MAX_HOSTS } from "./file.ts";
import { HOST_NAME_PATTERN } from "../host_name.ts";
import { fileKeyOf, type OptionSpec } from "../option.ts";
import { type OptionName, specOf } from "../schema.ts";

/** A JSON Schema, or a part of one. */
export type JsonSchema = { readonly [key: string]: unknown };

/** See the file comment. */
export function configSchema(): JsonSchema {
  const host = objectOf((name) => isPerHost(name), "Settings of one remote host");
  const named = {
    type: "string",
    pattern: HOST_NAME_PATTERN.source,
    description: "What it is called in messages, and as a docker context",
  };
  const all = objectOf(() => true, "");
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Configuration of remote-docker-agent",
    ...all,
    properties: {
      ...all.properties,
      [HOSTS_KEY]: {
        type: "array",
        minItems: 1,
        maxItems: MAX_HOSTS,
        description: "The remote hosts; what stands outside holds for all of them",
        items: { ...host, properties: { name: named, ...host.properties }, required: ["name"] },
      },
    },
  };
}

function objectOf(takes: (name: OptionName) => boolean, description: string) {
  const properties: Record<string, JsonSchema> = {};
  for (const [key, name] of KEYS) {
    if (!takes(name)) continue;
    const isOld = key !== fileKeyOf(name);
    properties[key] = { ...schemaOf(specOf(name)), ...(isOld && { deprecated: true }) };
  }
  for (const [key, members] of GROUP_KEYS) {
    const own = [...members].filter(([, name]) => takes(name));
    if (own.length === 0) continue;
    properties[key] = {
      type: "object",
      description: `Options of the group "${key}"`,
      properties: Object.fromEntries(own.map(([word, name]) => [word, schemaOf(specOf(name))])),
      additionalProperties: false,
    };
  }
  return {
    ...(description !== "" && { description }),
    type: "object",
    properties,
    additionalProperties: false,
  };
}

function schemaOf(spec: OptionSpec): JsonSchema {
  const { help, many, default: standard } = spec;
  const value = valueOf(spec);
  const shown = {
    description: help,
    ...(standard !== undefined && { default: defaultValue(spec, standard) }),
  };
  if (many !== true) return { ...shown, ...value };
  return { ...shown, anyOf: [value, { type: "array", minItems: 1, items: value }] };
}

function defaultValue({ type }: OptionSpec, text: string): unknown {
  if (type === "boolean") return text === "true";
  return type === "integer" ? Number(text) : text;
}

function valueOf({ type, choices, min, max, seconds }: OptionSpec): JsonSchema {
  switch (type) {
    case "boolean":
      return { type: "boolean" };
    case "integer":
      return {
        type: "integer",
        ...(min !== undefined && { minimum: min }),
        ...(max !== undefined && { maximum: max }),
      };
    case "choice":
      return { enum: [...choices ?? []] };
    case "duration":
      return {
        type: seconds === true ? ["string", "integer"] : ["string", "number"],
        examples: ["10s", "1m30s"],
      };
    case "size":
      return { type: ["string", "integer"], examples: ["500MB", "5GB"] };
    default:
      return { type: ["string", "number"] };
  }
}
