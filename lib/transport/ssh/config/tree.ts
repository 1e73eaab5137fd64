/**
 * `ssh_config` as a tree: directives, Host and Match sections, and included files where they were
 * included. The text is parsed by `ssh-config`; its own evaluation is not used because it leaves
 * Include out and runs programs (`Match exec`, `nslookup`). See `eval.ts` for ours.
 */
import SSHConfig, { type Line, type Match, type Section } from "ssh-config";
import { AgentError, messageOf } from "../../../errors.ts";

/** One line of a configuration, or a section of it. */
export type ConfigNode =
  | { kind: "directive"; key: string; values: readonly string[] }
  | { kind: "host"; patterns: readonly string[]; nodes: readonly ConfigNode[] }
  | { kind: "match"; criteria: readonly Criterion[]; nodes: readonly ConfigNode[] }
  | { kind: "include"; patterns: readonly string[]; nodes: readonly ConfigNode[] };

/** One condition of a Match section; `value` is empty for `all` and `final`. */
export interface Criterion {
  name: string;
  negated: boolean;
  value: string;
}

/**
 * Parses one file. `Include` nodes come out empty, to be filled by whoever can read files. Throws
 * `AgentError` of kind `config` that names `file`.
 */
export function parseConfig(text: string, file: string): ConfigNode[] {
  try {
    return toNodes(SSHConfig.parse(text));
  } catch (cause) {
    throw new AgentError(
      "config",
      `Cannot read SSH configuration "${file}": ${messageOf(cause)}`,
      { cause, hint: `check the file with: ssh -G -F "${file}" localhost` },
    );
  }
}

function toNodes(lines: readonly Line[]): ConfigNode[] {
  // A copy, because the parser's own array type would make more of its kind.
  return [...lines].flatMap((line): ConfigNode[] => {
    if (!("param" in line) || line.param === "") return [];
    const key = line.param.toLowerCase();
    if (/\s/.test(key)) {
      throw new Error(`missing argument of "${line.param.trim().split(/\s/)[0]}"`);
    }
    const values = typeof line.value === "string" ? [line.value] : line.value.map(({ val }) => val);
    if (isMatch(line)) {
      return [{ kind: "match", criteria: toCriteria(line), nodes: toNodes(line.config) }];
    }
    if (isSection(line)) return [{ kind: "host", patterns: values, nodes: toNodes(line.config) }];
    if (key === "include") return [{ kind: "include", patterns: values, nodes: [] }];
    return [{ kind: "directive", key, values }];
  });
}

function isSection(line: Line): line is Section {
  return "config" in line;
}

function isMatch(line: Line): line is Match {
  return "criteria" in line;
}

function toCriteria(line: Match): Criterion[] {
  return Object.entries(line.criteria).map(([keyword, value]) => {
    const negated = keyword.startsWith("!");
    return {
      name: keyword.slice(negated ? 1 : 0).toLowerCase(),
      negated,
      value: typeof value === "string" ? value : "",
    };
  });
}
