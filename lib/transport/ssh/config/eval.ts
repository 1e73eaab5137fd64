/**
 * What `ssh_config` says about one host, by the rules of ssh_config(5): the first value of an
 * option wins, identity files add up, an included file counts only inside the section that includes
 * it. No command is ever run: a section under `Match exec` does not apply, and a note says so.
 */
import { matchesGlob } from "../host_key/known_hosts.ts";
import type { ConfigNode, Criterion } from "./tree.ts";

/** What is known of the host before the configuration is consulted. */
export interface ConfigQuery {
  /** As the user typed it. */
  host: string;
  /** If the user named one. */
  user?: string;
  localUser: string;
}

/** The options that apply to a host. Keys are in lower case. */
export interface ConfigValues {
  first(key: string): readonly string[] | undefined;
  /** All values of an option that may be repeated. */
  all(key: string): readonly string[];
  /** What was left out and may surprise the user. */
  readonly notes: readonly string[];
}

const REPEATABLE = new Set(["identityfile"]);
/** Whichever of the two comes first turns the other off. */
const PROXIES = ["proxyjump", "proxycommand"];

/** Evaluates a tree for one host; a second time if it asks for a final pass. */
export function evaluateConfig(nodes: readonly ConfigNode[], query: ConfigQuery): ConfigValues {
  const evaluation = new Evaluation(query);
  evaluation.pass(nodes, false);
  if (evaluation.wantsFinal) evaluation.pass(nodes, true);
  return evaluation;
}

class Evaluation implements ConfigValues {
  readonly notes: string[] = [];
  wantsFinal = false;
  readonly #query: ConfigQuery;
  readonly #values = new Map<string, string[]>();
  #final = false;

  constructor(query: ConfigQuery) {
    this.#query = query;
  }

  first(key: string): readonly string[] | undefined {
    return this.#values.get(key);
  }

  all(key: string): readonly string[] {
    return this.#values.get(key) ?? [];
  }

  pass(nodes: readonly ConfigNode[], final: boolean): void {
    this.#final = final;
    this.#walk(nodes);
  }

  #walk(nodes: readonly ConfigNode[]): void {
    for (const node of nodes) {
      if (node.kind === "directive") this.#set(node.key, node.values);
      else if (node.kind === "include") this.#walk(node.nodes);
      else if (node.kind === "host") {
        if (matchesPatterns(node.patterns, this.#query.host)) this.#walk(node.nodes);
      } else if (this.#matches(node.criteria)) this.#walk(node.nodes);
    }
  }

  #set(key: string, values: readonly string[]): void {
    const known = this.#values.get(key);
    if (REPEATABLE.has(key)) {
      const added = values.filter((value) => !known?.includes(value));
      this.#values.set(key, [...known ?? [], ...added]);
    } else if (known === undefined && !this.#isOutdone(key)) {
      this.#values.set(key, [...values]);
    }
  }

  #isOutdone(key: string): boolean {
    return PROXIES.includes(key) && PROXIES.some((proxy) => this.#values.has(proxy));
  }

  /** Every criterion has to hold; those that would need a command never do. */
  #matches(criteria: readonly Criterion[]): boolean {
    const plain = criteria.filter(({ name }) => name !== "exec");
    const holds = plain.every((one) => {
      const result = this.#holds(one);
      return result !== undefined && result !== one.negated;
    });
    if (!holds || plain.length === criteria.length) return holds;
    this.#note('A section under "Match exec" was passed over; commands are not run');
    return false;
  }

  #note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  /** `undefined`: not supported, so the section does not apply. */
  #holds({ name, value }: Criterion): boolean | undefined {
    const { host, user, localUser } = this.#query;
    const patterns = value.split(",");
    switch (name) {
      case "all":
        return true;
      case "final":
        this.wantsFinal = true;
        return this.#final;
      case "canonical":
        return false;
      case "host":
        return matchesPatterns(patterns, this.#hostName());
      case "originalhost":
        return matchesPatterns(patterns, host);
      case "user":
        return matchesPatterns(patterns, user ?? this.first("user")?.[0] ?? localUser);
      case "localuser":
        return matchesPatterns(patterns, localUser);
      default:
        this.#note(`A section under "Match ${name}" was passed over; it is not supported`);
        return undefined;
    }
  }

  #hostName(): string {
    const { host } = this.#query;
    return this.first("hostname")?.[0]?.replaceAll("%h", host) ?? host;
  }
}

/** ssh_config(5), PATTERNS: a negated pattern that matches outweighs the others. No case. */
function matchesPatterns(patterns: readonly string[], text: string): boolean {
  const subject = text.toLowerCase();
  const matches = (pattern: string) => matchesGlob(pattern.toLowerCase(), subject);
  if (patterns.some((one) => one.startsWith("!") && matches(one.slice(1)))) return false;
  return patterns.some((one) => !one.startsWith("!") && matches(one));
}
