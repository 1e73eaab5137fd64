/** Reads nested mappings of a YAML file strictly: unknown keys and wrong kinds name their place. */
import { isAlias, isMap, isScalar, isSeq, type Node } from "yaml";
import { AgentError, messageOf } from "../../errors.ts";
import { suggestion } from "../suggest.ts";
import { quote } from "../values.ts";
import { fault, type Source } from "./file.ts";

/** One mapping whose keys are known beforehand. */
export class YamlMap {
  readonly #source: Source;
  readonly #node: Node;
  readonly #values = new Map<string, Node>();

  /** Throws `AgentError` of kind `config` for what is no mapping, or has a key that is not in `keys`. */
  constructor(source: Source, node: Node, keys: readonly string[]) {
    this.#source = source;
    this.#node = node;
    for (const [key, name, value] of pairsOf(source, node)) {
      if (!keys.includes(name)) {
        const hint = suggestion(name, [...keys], `the keys are ${keys.join(", ")}`);
        throw fault(source, key, `unknown key ${quote(name)}`, hint);
      }
      this.#values.set(name, value);
    }
  }

  /** The error for what is wrong with the value of `key`, or with the mapping itself. */
  fault(key: string | undefined, message: string, hint?: string) {
    const node = key === undefined ? undefined : this.#values.get(key);
    return fault(this.#source, node ?? this.#node, message, hint);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** A text, read by `read`, whose plain error becomes one with a place. */
  text<T>(key: string, read: (text: string) => T): T | undefined {
    const node = this.#values.get(key);
    return node === undefined ? undefined : this.#read(node, key, read);
  }

  /** A list of texts, or a single one. */
  texts<T>(key: string, read: (text: string) => T): T[] {
    const node = this.#values.get(key);
    if (node === undefined) return [];
    const items = isSeq(node) ? node.items as Node[] : [node];
    return items.map((item) => this.#read(item, key, read));
  }

  /** A mapping below `key`. */
  map(key: string, keys: readonly string[]): YamlMap | undefined {
    const node = this.#values.get(key);
    return node === undefined ? undefined : new YamlMap(this.#source, node, keys);
  }

  /** The mappings below `key`, by names of the user's own, each read by `read`. */
  named<T>(key: string, keys: readonly string[], read: (name: string, map: YamlMap) => T): T[] {
    const node = this.#values.get(key);
    if (node === undefined) return [];
    return pairsOf(this.#source, node).map(([at, name, value]) => {
      try {
        return read(name, new YamlMap(this.#source, value, keys));
      } catch (error) {
        // What is wrong further down has a place of its own.
        if (error instanceof AgentError) throw error;
        throw fault(this.#source, at, messageOf(error));
      }
    });
  }

  /** The mappings in the list at `key`. */
  list(key: string, keys: readonly string[]): YamlMap[] {
    const node = this.#values.get(key);
    if (node === undefined) return [];
    if (!isSeq(node)) throw fault(this.#source, node, `${quote(key)} takes a list`);
    return node.items.map((item) => new YamlMap(this.#source, item as Node, keys));
  }

  #read<T>(node: Node, key: string, read: (text: string) => T): T {
    if (isAlias(node)) throw fault(this.#source, node, "aliases are not supported");
    if (!isScalar(node) || node.value === null) {
      throw fault(this.#source, node, `${quote(key)} takes a plain value`);
    }
    const text = typeof node.value === "string" ? node.value : node.source ?? String(node.value);
    try {
      return read(text);
    } catch (error) {
      const known = error instanceof PlainError || error instanceof AgentError;
      const hint = known ? error.hint : undefined;
      throw fault(this.#source, node, messageOf(error), hint);
    }
  }
}

/** What is wrong with a value, before it has a place. */
export class PlainError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

function pairsOf(source: Source, node: Node): [Node, string, Node][] {
  if (!isMap(node)) throw fault(source, node, 'expected "key: value" lines');
  return node.items.map((pair) => {
    const key = pair.key as Node;
    if (!isScalar(key)) throw fault(source, key, "expected a plain key");
    const value = pair.value as Node | null;
    if (value === null || (isScalar(value) && value.value === null)) {
      throw fault(source, key, `Missing value for ${quote(String(key.value))}`);
    }
    return [key, String(key.value), value];
  });
}
