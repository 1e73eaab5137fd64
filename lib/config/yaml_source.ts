/** A YAML file (or JSON, which is YAML) whose mistakes are told with their line and column. */
import { type LineCounter, type Node, parseDocument } from "yaml";
import { AgentError } from "../errors.ts";

const HINT = 'the file holds "key: value" lines, as in the documentation';

/** The file being read, for positions. */
export interface Source {
  readonly path: string;
  /** Directory that relative paths start from. */
  readonly base: string;
  readonly lines: LineCounter;
}

/** The root of the one document in `text`; throws `AgentError` of kind `config`. */
export function parse(text: string, source: Source): Node | null {
  const document = parseCarefully(text, source);
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const { line, col } = source.lines.linePos(problem.pos[0]);
    const what = problem.code === "MULTIPLE_DOCS" ? "More than one document" : problem.message;
    const message = `Cannot read ${source.path}:${line}:${col}: ${what}`;
    throw new AgentError("config", message, { hint: HINT });
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
    const message = `Cannot read ${source.path}: too deeply nested`;
    throw new AgentError("config", message, { cause, hint: HINT });
  }
}

/** Where a node stands, as `path:line:column`. */
export function position(source: Source, node: Node): string {
  const { line, col } = source.lines.linePos(node.range?.[0] ?? 0);
  return `${source.path}:${line}:${col}`;
}

/** The error for what is wrong at `node`. */
export function fault(source: Source, node: Node, message: string, hint?: string): AgentError {
  const text = `Cannot read ${position(source, node)}: ${message}`;
  return new AgentError("config", text, hint === undefined ? {} : { hint });
}
