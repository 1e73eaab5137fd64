/**
 * Checks that imports in `lib/` point only upwards in the list of rooms (docs/architecture.md),
 * that no files import each other in a circle, and that packages come from the import map. Type
 * imports count like any other. The module graph is Deno's own (`deno info --json`).
 *
 * Usage: `deno run -A scripts/check_imports.ts [PROJECT]`; prints a line `file:line: problem` per
 * violation and exits with 1 if there is any.
 */
import { fileURLToPath, pathToFileURL } from "node:url";

/**
 * The rooms from the innermost to the outermost. A file may import from its own room and from
 * earlier rows; rooms in the same row do not see each other.
 */
export const ROOMS: readonly (readonly string[])[] = [
  ["errors"], // errors.ts, log.ts and others like them
  ["system"],
  ["net"],
  ["http"],
  ["listen"],
  ["transport"],
  ["docker"],
  ["forward"],
  ["sync"],
  ["intercept"],
  ["proxy"],
  ["certs"],
  ["guest", "gateway", "relay", "bridge"],
  ["hosts"],
  ["ops"],
  ["config"],
  ["app"],
  ["doctor"],
  ["cli"],
  ["main"], // main.ts
];

/** Files that are not in a directory of their room; `deno.json` is there for the version. */
const SINGLE_FILES: Readonly<Record<string, string>> = {
  "deno.json": "errors",
  "lib/errors.ts": "errors",
  "lib/log.ts": "errors",
  "lib/agent_event.ts": "errors",
  "main.ts": "main",
};

/** One import that breaks a rule. Paths are relative to the project; lines count from 1. */
export interface Violation {
  file: string;
  line: number;
  problem: string;
}

/** One import statement (or `import()`), resolved. */
export interface Import {
  /** The importing file, relative to the project. */
  from: string;
  line: number;
  /** As written. */
  specifier: string;
  /** The imported file, relative to the project; absent for packages and built-in modules. */
  to?: string;
  /** Why Deno could not resolve it. */
  error?: string;
}

/** Checks the project in directory `root`; violations are sorted by file and line. */
export async function checkImports(root: string): Promise<Violation[]> {
  const project = await Deno.realPath(root);
  const imports = await readGraph(project, await listSources(project));
  const names = await importMapNames(project);
  const problems = imports.flatMap((item) => problemsOf(item, names));
  const violations = [...problems, ...findCycles(imports)];
  return violations.sort((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
}

function problemsOf(item: Import, names: readonly string[]): Violation[] {
  const { from, line, specifier, to, error } = item;
  const violation = (problem: string) => [{ file: from, line, problem }];
  if (error !== undefined) return violation(error);
  const room = roomOf(from);
  if (room === undefined) return violation(`"${from}" is in no room of the architecture`);
  if (to === undefined) {
    return isAllowedPackage(specifier, names)
      ? []
      : violation(`"${specifier}" is neither in the import map nor a node: module`);
  }
  const target = roomOf(to);
  if (target === undefined) return violation(`"${to}" must not be imported from lib`);
  if (target === room || rankOf(target) < rankOf(room)) return [];
  return violation(`room "${room}" must not import from room "${target}" ("${to}")`);
}

function isAllowedPackage(specifier: string, names: readonly string[]): boolean {
  return specifier.startsWith("node:") ||
    names.some((name) => specifier === name || (name.endsWith("/") && specifier.startsWith(name)));
}

function roomOf(file: string): string | undefined {
  const single = SINGLE_FILES[file];
  if (single !== undefined) return single;
  const name = /^lib\/([^/]+)\//.exec(file)?.[1];
  return ROOMS.flat().find((room) => room === name);
}

function rankOf(room: string): number {
  return ROOMS.findIndex((row) => row.includes(room));
}

/** Every circle of files, once, at the import that closes it. */
export function findCycles(imports: readonly Import[]): Violation[] {
  const byFile = Map.groupBy(imports, (item) => item.from);
  const finished = new Set<string>();
  const violations: Violation[] = [];
  const visit = (file: string, path: readonly string[]) => {
    const trail = [...path, file];
    for (const { to, line } of byFile.get(file) ?? []) {
      if (to === undefined || finished.has(to)) continue;
      const start = trail.indexOf(to);
      if (start < 0) visit(to, trail);
      else violations.push({ file, line, problem: circleText([...trail.slice(start), to]) });
    }
    finished.add(file);
  };
  for (const file of byFile.keys()) if (!finished.has(file)) visit(file, []);
  return violations;
}

function circleText(files: readonly string[]): string {
  return `files import each other in a circle: ${files.join(" → ")}`;
}

async function listSources(project: string): Promise<string[]> {
  const found: string[] = [];
  const walk = async (directory: string) => {
    for await (const entry of Deno.readDir(`${project}/${directory}`)) {
      const path = `${directory}/${entry.name}`;
      if (entry.isDirectory) await walk(path);
      else if (/\.[mc]?[jt]sx?$/.test(entry.name)) found.push(path);
    }
  };
  await walk("lib");
  return ["main.ts", ...found.sort()];
}

async function importMapNames(project: string): Promise<string[]> {
  const config: unknown = JSON.parse(await Deno.readTextFile(`${project}/deno.json`));
  const imports = (config as { imports?: Record<string, string> }).imports ?? {};
  return Object.keys(imports);
}

/** The part of the output of `deno info --json` that is used here. */
interface Graph {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: { specifier: string; code?: Resolution; type?: Resolution }[];
  }[];
}

interface Resolution {
  specifier?: string;
  error?: string;
  span: { start: { line: number } };
}

/** `deno info` takes one root, so a file that imports all of `sources` is made for it. */
async function readGraph(project: string, sources: readonly string[]): Promise<Import[]> {
  const directory = await Deno.makeTempDir({ prefix: "check-imports-" });
  try {
    const root = `${directory}/root.ts`;
    const lines = sources.map((path) =>
      `import ${JSON.stringify(pathToFileURL(`${project}/${path}`).href)};\n`
    );
    await Deno.writeTextFile(root, lines.join(""));
    const graph = await denoInfo(project, root);
    const errors = new Map(graph.modules.map(({ specifier, error }) => [specifier, error]));
    return graph.modules.flatMap((module) => importsOf(project, module, errors));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function denoInfo(project: string, root: string): Promise<Graph> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--quiet", "--json", "--config", `${project}/deno.json`, root],
    cwd: project,
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`deno info failed: ${decoder.decode(stderr)}`);
  return JSON.parse(decoder.decode(stdout));
}

function importsOf(
  project: string,
  module: Graph["modules"][number],
  errors: ReadonlyMap<string, string | undefined>,
): Import[] {
  const from = inProject(project, module.specifier);
  if (from === undefined) return [];
  return (module.dependencies ?? []).flatMap(({ specifier, code, type }) => {
    const resolution = code ?? type;
    if (resolution === undefined) return [];
    const target = resolution.specifier ?? "";
    const to = inProject(project, target);
    const error = resolution.error ?? errors.get(target);
    return [{
      from,
      line: resolution.span.start.line + 1,
      specifier,
      ...(to === undefined ? {} : { to }),
      ...(error === undefined ? {} : { error }),
    }];
  });
}

/** The path of a module relative to the project, with `/`; `undefined` for any other module. */
function inProject(project: string, specifier: string): string | undefined {
  if (!specifier.startsWith("file:")) return undefined;
  const path = fileURLToPath(specifier);
  if (!path.startsWith(project)) return undefined;
  return path.slice(project.length + 1).replaceAll("\\", "/");
}

if (import.meta.main) {
  const violations = await checkImports(Deno.args[0] ?? ".");
  for (const { file, line, problem } of violations) console.error(`${file}:${line}: ${problem}`);
  Deno.exit(violations.length === 0 ? 0 : 1);
}
