/**
 * Reads the configuration file: one mapping, in YAML or JSON (which is YAML), of keys from the
 * option table to plain values or lists of them. Every value keeps its line and column. Anchors,
 * aliases and tags are refused, so nothing in a file can expand.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
} from "yaml";
import { AgentError } from "../errors.ts";
import { fileKeyOf, type Given } from "./option.ts";
import { OPTION_NAMES, type OptionName, specOf } from "./schema.ts";
import { suggestion } from "./suggest.ts";
import { quote } from "./values.ts";

/** The whole file; far more than any real one, and little enough to parse in no time. */
export const MAX_FILE_BYTES = 64 * 1024;

const KEYS = keyTable();

/** The name of every key and the option it sets. */
function keyTable(): ReadonlyMap<string, OptionName> {
  const keys = new Map<string, OptionName>();
  for (const name of OPTION_NAMES) {
    const spec = specOf(name);
    if (spec.inFile === false) continue;
    for (const alias of [name, ...spec.aliases ?? []]) keys.set(fileKeyOf(alias), name);
    for (const key of spec.fileKeys ?? []) keys.set(key, name);
  }
  return keys;
}

/** The file being read, for positions. */
export interface Source {
  readonly path: string;
  readonly base: string;
  readonly lines: LineCounter;
}

/**
 * The values in `text`. `path` names the file in messages; relative paths in it start from `base`.
 * Throws `AgentError` of kind `config` with `path:line:column`.
 */
export function readFileValues(text: string, path: string, base: string): Given<OptionName>[] {
  const source = { path, base, lines: new LineCounter() };
  const root = parse(text, source);
  if (root === null || (isScalar(root) && root.value === null)) return [];
  if (!isMap(root)) throw fault(source, root, 'expected a list of "key: value" lines');
  const seen = new Map<OptionName, string>();
  return root.items.flatMap((pair) => readPair(pair, source, seen));
}

/** The root of the one document in `text`; throws `AgentError` of kind `config`. */
export function parse(text: string, source: Source): Node | null {
  const document = parseCarefully(text, source);
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const { line, col } = source.lines.linePos(problem.pos[0]);
    const what = problem.code === "MULTIPLE_DOCS" ? "More than one document" : problem.message;
    throw new AgentError("config", `Cannot read ${source.path}:${line}:${col}: ${what}`, {
      hint: 'the file holds "key: value" lines, as in the documentation',
    });
  }
  return document.contents;
}

function parseCarefully(text: string, source: Source) {
  try {
    return parseDocument(text, {
      lineCounter: source.lines,
      prettyErrors: false,
      logLevel: "error",
    });
  } catch (cause) {
    // The parser recurses; only absurd nesting gets here.
    throw new AgentError("config", `Cannot read ${source.path}: too deeply nested`, {
      cause,
      hint: 'the file holds "key: value" lines, as in the documentation',
    });
  }
}

function readPair(
  pair: Pair,
  source: Source,
  seen: Map<OptionName, string>,
): Given<OptionName>[] {
  const key = pair.key as Node;
  if (!isScalar(key)) throw fault(source, key, "expected a plain key");
  const word = String(key.value);
  const name = KEYS.get(word);
  if (name === undefined) {
    const hint = suggestion(word, [...KEYS.keys()], "docs/configuration.md lists all keys");
    throw fault(source, key, `unknown key ${quote(word)}`, hint);
  }
  const earlier = seen.get(name);
  if (earlier !== undefined) {
    throw fault(source, key, `key ${quote(word)} sets the same option as ${quote(earlier)}`);
  }
  seen.set(name, word);
  const value = pair.value as Node | null;
  if (!isSeq(value)) return [readItem(value ?? key, value, word, name, source)];
  if (specOf(name).many !== true) throw fault(source, value, `${quote(word)} takes a single value`);
  if (value.items.length === 0) throw fault(source, value, `${quote(word)} is an empty list`);
  return value.items.map((item) => readItem(item as Node, item as Node, word, name, source));
}

function readItem(
  at: Node,
  node: Node | null,
  word: string,
  name: OptionName,
  source: Source,
): Given<OptionName> {
  if (isAlias(node)) throw fault(source, at, "aliases are not supported; write the value itself");
  if (node !== null && !isScalar(node)) {
    throw fault(source, at, `${quote(word)} takes a plain value`);
  }
  if (node?.anchor !== undefined) throw fault(source, at, "anchors are not supported");
  return {
    name,
    text: node === null || node.value === null ? "" : textOf(node),
    origin: { source: "file", where: `${quote(word)} (${position(source, at)})` },
    base: source.base,
  };
}

/** A number keeps the form it was written in: `0700` and `1.10` are not rounded on the way. */
function textOf(node: { value: unknown; source?: string }): string {
  return typeof node.value === "string" ? node.value : node.source ?? String(node.value);
}

/** `file:line:column` of a node. */
export function position(source: Source, node: Node): string {
  const { line, col } = source.lines.linePos(node.range?.[0] ?? 0);
  return `${source.path}:${line}:${col}`;
}

/** The error for what is wrong at `node`. */
export function fault(source: Source, node: Node, message: string, hint?: string): AgentError {
  const text = `Cannot read ${position(source, node)}: ${message}`;
  return new AgentError("config", text, hint === undefined ? {} : { hint });
}
