/**
 * Lossless JSON editing: a body is parsed, changed and written again, and everything nobody touched
 * keeps its value, unknown fields and 64-bit numbers included. Plain `JSON.parse` rounds
 * `"Memory": 9223372036854771712`; here a number that a double cannot hold stays the text it was.
 */
import { AgentError } from "../errors.ts";

/** A number kept as its source text; written back unchanged. */
export interface RawNumber {
  readonly rawJSON: string;
}

/** Any JSON value; see {@link RawNumber}. */
export type Json = null | boolean | number | string | RawNumber | Json[] | JsonObject;

/** A JSON object; members keep their order. */
export interface JsonObject {
  [member: string]: Json;
}

/** The part of the JSON proposal "source text access" that the type library does not know yet. */
interface SourceTextJson {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): boolean;
  parse(
    text: string,
    reviver: (key: string, value: Json, context: { source?: string }) => Json,
  ): Json;
}

const json = JSON as unknown as SourceTextJson;
const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();
const LINE_FEED = 0x0a;

/** Parses a body; throws `AgentError` of kind `usage` when it is not UTF-8 JSON. */
export function parseJson(body: Uint8Array): Json {
  try {
    return json.parse(decoder.decode(body), keepExactNumber);
  } catch (cause) {
    throw new AgentError("usage", "The request body is not valid JSON", { cause });
  }
}

/** Writes a value as the engine would read it. */
export function encodeJson(value: Json): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/**
 * Writes what becomes of `original`, which the engine ends with a line feed: a shell that prints the
 * answer should not notice that it was edited.
 */
export function encodeEdited(value: Json, original: Uint8Array): Uint8Array {
  const text = JSON.stringify(value);
  return encoder.encode(original.at(-1) === LINE_FEED ? `${text}\n` : text);
}

/** Whether `value` is an object with members. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !json.isRawJSON(value);
}

function keepExactNumber(_key: string, value: Json, context: { source?: string }): Json {
  if (typeof value !== "number" || context.source === undefined) return value;
  return String(value) === context.source ? value : json.rawJSON(context.source);
}
