/**
 * Reads the configuration file: one mapping, in YAML or JSON (which is YAML), of keys from the
 * option table to plain values or lists of them, and below `hosts` a list of such mappings, one for
 * each remote host. Every value keeps its line and column. Anchors, aliases and tags are refused, so
 * nothing in a file can expand.
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
import { AgentError } from "../../errors.ts";
import { hostNameProblem } from "../host_name.ts";
import type { Given, Origin } from "../option.ts";
import { type OptionName, specOf } from "../schema.ts";
import { suggestion } from "../suggest.ts";
import { quote } from "../values.ts";
import { GROUP_KEYS, HOSTS_KEY, isPerHost, KEYS } from "./keys.ts";

/** More hosts than anybody has; each costs listeners and a connection. */
export const MAX_HOSTS = 100;

const NAME_KEY = "name";

/** One remote host of the file. */
export interface HostEntry {
  readonly name: string;
  /** Where its name stands, as `path:line:column`. */
  readonly where: string;
  readonly given: readonly Given<OptionName>[];
}

/** What a file says. */
export interface FileContents {
  /** For the whole program, and for hosts that do not say otherwise. */
  readonly values: readonly Given<OptionName>[];
  /** Absent: the file lists none. */
  readonly hosts?: readonly HostEntry[];
}

/** Is told of every mistake; may throw it. */
export type Report = (error: AgentError) => void;

/** Throws the first mistake. */
export function throwIt(error: AgentError): never {
  throw error;
}

/** The file being read, for positions. */
export interface Source {
  readonly path: string;
  readonly base: string;
  readonly lines: LineCounter;
  readonly report: Report;
}

/** A mapping being read: the whole file, a group of keys or a host. */
interface Scope {
  readonly origin: Origin["source"];
  /** The keys that may stand here. */
  readonly keys: ReadonlyMap<string, OptionName>;
  /** Each option that has been set, with the key it was set by. */
  readonly seen: Map<OptionName, string>;
}

/**
 * What `text` says. `path` names the file in messages; relative paths in it start from `base`.
 * Mistakes are `AgentError` of kind `config` with `path:line:column`; what is wrong is left out if
 * `report` returns.
 */
export function readFileContents(
  text: string,
  path: string,
  base: string,
  report: Report = throwIt,
): FileContents {
  const source = { path, base, lines: new LineCounter(), report };
  const root = parse(text, source);
  if (root === null || (isScalar(root) && root.value === null)) return { values: [] };
  if (!isMap(root)) {
    noteFault(source, root, 'expected a list of "key: value" lines');
    return { values: [] };
  }
  const scope: Scope = { origin: "file", keys: KEYS, seen: new Map() };
  const list = root.items.find(({ key }) => isScalar(key) && key.value === HOSTS_KEY);
  const values = root.items.filter((pair) => pair !== list)
    .flatMap((pair) => readPair(pair, source, scope));
  return list === undefined ? { values } : { values, hosts: readHosts(list, source) };
}

/** The root of the one document in `text`; mistakes are reported. */
export function parse(text: string, source: Source): Node | null {
  let hint = 'the file holds "key: value" lines, as in the documentation';
  let document;
  try {
    document = parseDocument(text, {
      lineCounter: source.lines,
      prettyErrors: false,
      logLevel: "error",
    });
  } catch (cause) {
    // The parser recurses; only absurd nesting gets here.
    const message = `Cannot read ${source.path}: too deeply nested`;
    source.report(new AgentError("config", message, { cause, hint }));
    return null;
  }
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem === undefined) return document.contents;
  const { line, col } = source.lines.linePos(problem.pos[0]);
  let what = problem.code === "MULTIPLE_DOCS"
    ? "More than one document"
    // What the parser says of its own recursion.
    : problem.message.replace(/^Maximum call stack.*/, "too deeply nested");
  if (problem.code === "DUPLICATE_KEY") {
    what = "the key was there before";
    hint = "leave out one of the two; what belongs together stands below a single key";
  }
  const message = `Cannot read ${source.path}:${line}:${col}: ${what}`;
  source.report(new AgentError("config", message, { hint }));
  return null;
}

function readHosts({ key, value }: Pair, source: Source): HostEntry[] {
  const list = value as Node | null;
  const at = list ?? key as Node;
  if (!isSeq(list) || list.items.length === 0) {
    noteFault(source, at, `"${HOSTS_KEY}" takes a list with one entry for each remote host`);
    return [];
  }
  if (list.items.length > MAX_HOSTS) {
    noteFault(source, at, `more than ${MAX_HOSTS} hosts`);
    return [];
  }
  const places = new Map<string, string>();
  return list.items.flatMap((item) => {
    const host = readHost(item as Node, source);
    if (host === undefined) return [];
    const earlier = places.get(host.name);
    if (earlier !== undefined) {
      noteFault(source, item as Node, `another host is called ${quote(host.name)}, at ${earlier}`);
      return [];
    }
    places.set(host.name, host.where);
    return [host];
  });
}

function readHost(node: Node, source: Source): HostEntry | undefined {
  if (!isMap(node)) {
    noteFault(source, node, `a host is written as "name: NAME" and the keys of its options`);
    return undefined;
  }
  const naming = node.items.find(({ key }) => isScalar(key) && key.value === NAME_KEY);
  const name = naming?.value;
  const scope: Scope = { origin: "host", keys: KEYS, seen: new Map() };
  const given = node.items.filter((pair) => pair !== naming)
    .flatMap((pair) => readPair(pair, source, scope));
  if (!isScalar(name) || name.value === null) {
    noteFault(source, (naming?.key ?? node) as Node, "a host needs a name", 'write "name: gpu"');
    return undefined;
  }
  const text = textOf(name);
  const problem = hostNameProblem(text);
  if (problem === undefined) return { name: text, where: position(source, name), given };
  noteFault(source, name, `invalid name ${quote(text)} for a host: ${problem}`);
  return undefined;
}

function readPair(pair: Pair, source: Source, scope: Scope): Given<OptionName>[] {
  const key = pair.key as Node;
  if (!isScalar(key)) return noteFault(source, key, "expected a plain key");
  const word = String(key.value);
  const value = pair.value as Node | null;
  const group = scope.keys === KEYS ? GROUP_KEYS.get(word) : undefined;
  if (group !== undefined && isMap(value)) {
    return value.items.flatMap((member) => readPair(member, source, { ...scope, keys: group }));
  }
  const name = scope.keys.get(word);
  if (name === undefined) {
    return noteFault(source, key, ...unknownKey(word, scope, group !== undefined));
  }
  const wrong = misplaced(word, name, scope);
  if (wrong !== undefined) return noteFault(source, key, wrong);
  scope.seen.set(name, word);
  if (!isSeq(value)) return readItem(value ?? key, value, word, name, source, scope);
  if (specOf(name).many !== true) {
    return noteFault(source, value, `${quote(word)} takes a single value`);
  }
  if (value.items.length === 0) return noteFault(source, value, `${quote(word)} is an empty list`);
  return value.items.flatMap((item) =>
    readItem(item as Node, item as Node, word, name, source, scope)
  );
}

function unknownKey(word: string, { keys, origin }: Scope, isGroup: boolean): [string, string] {
  if (isGroup) {
    return [`${quote(word)} takes a group of keys`, `write "${word}: { host: gpu }", for example`];
  }
  const own = origin === "host" ? [NAME_KEY] : [HOSTS_KEY];
  const known = keys === KEYS ? [...keys.keys(), ...GROUP_KEYS.keys(), ...own] : [...keys.keys()];
  const hint = suggestion(word, known, "docs/configuration.md lists all keys");
  return [`unknown key ${quote(word)}`, hint];
}

function misplaced(word: string, name: OptionName, { origin, seen }: Scope): string | undefined {
  const earlier = seen.get(name);
  if (earlier === word) return `key ${quote(word)} sets an option that is set already`;
  if (earlier !== undefined) {
    return `key ${quote(word)} sets the same option as ${quote(earlier)}`;
  }
  if (origin !== "host" || isPerHost(name)) return undefined;
  return `${quote(word)} is for the whole program: it cannot differ from host to host`;
}

function readItem(
  at: Node,
  node: Node | null,
  word: string,
  name: OptionName,
  source: Source,
  { origin }: Scope,
): Given<OptionName>[] {
  if (isAlias(node)) {
    return noteFault(source, at, "aliases are not supported; write the value itself");
  }
  if (node !== null && !isScalar(node)) {
    return noteFault(source, at, `${quote(word)} takes a plain value`);
  }
  if (node?.anchor !== undefined) return noteFault(source, at, "anchors are not supported");
  return [{
    name,
    text: node === null || node.value === null ? "" : textOf(node),
    origin: { source: origin, where: `${quote(word)} (${position(source, at)})` },
    base: source.base,
  }];
}

/** A number keeps the form it was written in: `0700` and `1.10` are not rounded on the way. */
function textOf(node: { value: unknown; source?: string }): string {
  return typeof node.value === "string" ? node.value : node.source ?? String(node.value);
}

/** `file:line:column` of a node. */
function position(source: Source, node: Node): string {
  const { line, col } = source.lines.linePos(node.range?.[0] ?? 0);
  return `${source.path}:${line}:${col}`;
}

/** The error for what is wrong at `node`. */
export function fault(source: Source, node: Node, message: string, hint?: string): AgentError {
  const text = `Cannot read ${position(source, node)}: ${message}`;
  return new AgentError("config", text, hint === undefined ? {} : { hint });
}

/** Reports a mistake; nothing can be read there. */
function noteFault(source: Source, node: Node, message: string, hint?: string): [] {
  source.report(fault(source, node, message, hint));
  return [];
}
