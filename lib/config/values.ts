/**
 * Reads the text of a value as the type of its option. A text that does not fit is an
 * {@link AgentError} that names where it was found and says what is allowed.
 */
import { isIP } from "node:net";
import { AgentError, messageOf } from "../errors.ts";
import { parsePlainForward } from "../forward/plain.ts";
import { parseReverse } from "../forward/reverse.ts";
import { expandHome, formatDockerHost, parseListenAddress } from "../net/address.ts";
import { formatTarget, parseRemoteDocker, parseServer, parseSshHost } from "../transport/url.ts";
import type { Given, OptionSpec } from "./option.ts";
import { parseBridgeRule } from "../bridge/rules.ts";
import { parseBindRule } from "../intercept/binds/rules.ts";
import { parsePortRule } from "./port_rule.ts";
import { type Place, resolvePath } from "./paths.ts";
import { nearest } from "./suggest.ts";

/** What any option may hold. */
export type Value = string | number | boolean;

/** No file name: paths are absolute once they are read. */
export const NONE = "none";
/** A value longer than this belongs in a file. */
const MAX_LENGTH = 4096;
/** So much of a bad value is repeated in the message about it. */
const MAX_QUOTED = 80;

/** Reads one value. Throws `AgentError` of kind `usage` (flags) or `config` (all else). */
export function readValue(spec: OptionSpec, given: Given, place: Place): Value {
  try {
    return readers[spec.type](checkText(given.text), spec, given, place);
  } catch (error) {
    if (error instanceof MissingValue) {
      throw invalid(given, `Missing value for ${given.origin.where}`, "give one, or leave it out");
    }
    const message = `Invalid value ${quote(given.text)} for ${given.origin.where}`;
    // Such an error repeats the value; its hint is what is new.
    if (error instanceof AgentError) throw invalid(given, message, error.hint);
    throw invalid(given, `${message}: ${messageOf(error)}`);
  }
}

/** A usage error for a flag, a configuration error for everything else. */
function invalid(given: Given, message: string, hint?: string): AgentError {
  const kind = given.origin.source === "flag" ? "usage" : "config";
  return new AgentError(kind, message, hint === undefined ? {} : { hint });
}

/** Quotes user input for a message: one line, of bounded length. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED ? text.slice(0, MAX_QUOTED) + "…" : text);
}

class MissingValue extends Error {}

function checkText(text: string): string {
  if (text.trim() === "") throw new MissingValue();
  if (text.length > MAX_LENGTH) throw new Error(`longer than ${MAX_LENGTH} characters`);
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(text)) throw new Error("contains a control character");
  return text;
}

type Reader = (text: string, spec: OptionSpec, given: Given, place: Place) => Value;

const readers: Record<OptionSpec["type"], Reader> = {
  string: (text) => text,
  path: (text, spec, given, place) =>
    spec.none === true && text === NONE ? NONE : resolvePath(text, given.base, place),
  choice: (text, spec) => readChoice(text, spec.choices ?? []),
  boolean: (text) => readBoolean(text),
  duration: (text, spec) => {
    const plain = spec.seconds === true && /^\d{1,9}$/.test(text);
    return within(readDuration(plain ? `${text}s` : text), spec, formatDuration);
  },
  integer: (text, spec) => within(readInteger(text, spec), spec, String),
  host: (text) => (parseSshHost(text), text),
  server: (text) => (parseServer(text), text),
  engine: (text) => formatTarget(parseRemoteDocker(text)),
  listen: (text, spec, _given, place) => readListen(text, spec, place),
  ip: (text) => readIp(text),
  reverse: (text) => (parseReverse(text), text),
  forward: (text) => (parsePlainForward(text), text),
  "port-rule": (text) => (parsePortRule(text), text),
  "bind-rule": (text, _spec, _given, place) => (parseBindRule(text, place.home), text),
  "bridge-rule": (text) => (parseBridgeRule(text), text),
  size: (text) => readSize(text),
};

function readChoice(text: string, choices: readonly string[]): string {
  const word = text.toLowerCase();
  const boolean = BOOLEANS.get(word);
  // YAML and JSON have `true` where OpenSSH has the word `yes`.
  const same = boolean === undefined ? word : boolean ? "yes" : "no";
  const found = choices.find((choice) => choice === word) ?? choices.find((c) => c === same);
  if (found !== undefined) return found;
  const near = nearest(text, choices);
  const list = choices.join(", ").replace(/, (?=[^,]*$)/, " or ");
  throw new Error(`expected ${list}${near === undefined ? "" : ` (did you mean ${near}?)`}`);
}

const BOOLEANS = new Map([
  ["true", true],
  ["yes", true],
  ["on", true],
  ["1", true],
  ["false", false],
  ["no", false],
  ["off", false],
  ["0", false],
]);

function readBoolean(text: string): boolean {
  const value = BOOLEANS.get(text.toLowerCase());
  if (value === undefined) throw new Error("expected true or false");
  return value;
}

function readInteger(text: string, spec: OptionSpec): number {
  if (!/^-?\d{1,15}$/.test(text)) {
    throw new Error(`expected a whole number from ${spec.min ?? 0} to ${spec.max}`);
  }
  return Number(text);
}

const UNIT_BYTES = new Map([["", 1], ["k", 1e3], ["m", 1e6], ["g", 1e9], ["t", 1e12]]);

/** Bytes: a number with `kB`, `MB`, `GB` or `TB`, powers of 1000 as in `docker system df`. */
function readSize(text: string): number {
  const match = /^(\d{1,15}(?:\.\d{1,3})?) ?([kmgt]?)b?$/i.exec(text);
  const unit = UNIT_BYTES.get(match?.[2]?.toLowerCase() ?? "?");
  if (match === null || unit === undefined) {
    throw new Error("expected a size such as 500MB or 5GB");
  }
  return Math.round(Number(match[1]) * unit);
}

const UNIT_MS = new Map([["ms", 1], ["s", 1000], ["m", 60_000], ["h", 3_600_000]]);

/** Milliseconds; the syntax of Go's `time.ParseDuration`, from `ms` to `h`, without a sign. */
export function readDuration(text: string): number {
  if (text === "0") return 0;
  if (!/^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|s|m|h))+$/.test(text)) {
    throw new Error("expected a duration such as 10s, 500ms or 1m30s");
  }
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)([a-z]+)/g)) {
    total += Number(amount) * (UNIT_MS.get(unit ?? "") ?? 0);
  }
  return Math.round(total);
}

/** The shortest text {@link readDuration} reads as `ms`. */
export function formatDuration(ms: number): string {
  for (const unit of ["h", "m", "s"]) {
    const size = UNIT_MS.get(unit) ?? 1;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

function within(value: number, spec: OptionSpec, show: (n: number) => string): number {
  const { min, max } = spec;
  if (min !== undefined && value < min) throw new Error(`expected at least ${show(min)}`);
  if (max !== undefined && value > max) throw new Error(`expected at most ${show(max)}`);
  return value;
}

/** Checks the address; the text is kept, because it also tells what was left out of it. */
function readListen(text: string, { purpose }: OptionSpec, place: Place): string {
  const address = parseListenAddress(text, purpose);
  return address.kind === "unix" ? formatDockerHost(expandHome(address, place.home)) : text;
}

function readIp(text: string): string {
  const address = text.replace(/^\[(.*)\]$/, "$1");
  if (isIP(address) !== 0) return address;
  throw new Error("expected an IP address such as 127.0.0.1 or ::1");
}
