/**
 * Brings the generated parts of `docs/configuration.md` up to date: the reference of options, the
 * names from earlier tools and the exit codes, each between its two markers; and writes the JSON Schema
 * of the configuration file. Run by `deno task docs`.
 */
import { placeholderOf } from "../lib/cli/usage.ts";
import { configSchema } from "../lib/config/file/json_schema.ts";
import { envNameOf, fileKeyOf, GROUPS } from "../lib/config/option.ts";
import { OPTION_NAMES, type OptionName, OPTIONS, SECRETS, specOf } from "../lib/config/schema.ts";
import { type ErrorKind, EXIT_CODES } from "../lib/errors.ts";

/** Where the page is. */
export const PAGE = new URL("../docs/configuration.md", import.meta.url);

/** Where the JSON Schema is. */
export const SCHEMA = new URL("../docs/config.schema.json", import.meta.url);

const EXIT_MEANINGS: Readonly<Record<ErrorKind, string>> = {
  internal: "A defect of the program",
  usage: "A mistake on the command line",
  config: "A mistake in the environment, the configuration file or a file named there",
  listen: "An address cannot be listened on, for example because the port is in use",
  unreachable: "The remote host or the gateway cannot be reached",
  authentication: "The remote host or the gateway does not let the user in",
  "host-key": "The host key is unknown, revoked or not the one known before",
  engine: "The engine cannot be used: its socket is missing, or the user may not use it",
  lost: "The connection was lost for good",
  output: "Standard output cannot be written, for example because the disk is full",
};

/** The page with its generated parts renewed. Throws if a marker is missing. */
export function renewPage(page: string): string {
  const parts = { options: renderOptions(), names: renderNames(), exits: renderExits() };
  return Object.entries(parts).reduce((text, [name, part]) => replacePart(text, name, part), page);
}

function replacePart(page: string, name: string, part: string): string {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const from = page.indexOf(begin), to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`Cannot find "${begin}" and "${end}" in the page`);
  return `${page.slice(0, from + begin.length)}\n\n${part}\n\n${page.slice(to)}`;
}

function renderOptions(): string {
  const head = ["Flag", "Variable", "Key in a file", "Default", "Meaning"];
  const groups = GROUPS.map((group) => {
    const names = OPTION_NAMES.filter((name) => OPTIONS[name].group === group);
    return `### ${group}\n\n${table([head, ...names.map(optionRow)])}`;
  });
  const secrets = table([["Variable", "Meaning"], ...SECRETS.map((s) => [code(s.env), s.help])]);
  return [...groups, `### Secrets\n\nOnly as a variable:\n\n${secrets}`].join("\n\n");
}

function optionRow(name: OptionName): string[] {
  const spec = specOf(name);
  const variables = [envNameOf(name), ...spec.env ?? []].map(code).join(", ");
  const key = spec.inFile === false ? "" : code(fileKeyOf(name));
  const standard = spec.defaultNote ?? (spec.default === undefined ? "" : code(spec.default));
  const help = spec.many === true ? `${spec.help}; may be repeated` : spec.help;
  return [code(`--${name} ${placeholderOf(spec)}`.trim()), variables, key, standard, help];
}

function renderNames(): string {
  const rows = OPTION_NAMES.flatMap((name) => {
    const { aliases = [], fileKeys = [] } = specOf(name);
    const flags = aliases.map((alias) => code(`--${alias}`)).join(", ");
    const keys = fileKeys.map(code).join(", ");
    return flags === "" && keys === "" ? [] : [[code(`--${name}`), flags, keys]];
  });
  return table([["Option", "Also as the flag", "Also as the key in a file"], ...rows]);
}

function renderExits(): string {
  const kinds = Object.keys(EXIT_CODES) as ErrorKind[];
  const rows = kinds.map((kind) => [String(EXIT_CODES[kind]), EXIT_MEANINGS[kind]]);
  return table([
    ["Code", "Meaning"],
    ["0", "Done, or shut down after one signal"],
    ...rows,
    ["129, 130, 143, 149", "Ended by SIGHUP, SIGINT, SIGTERM or SIGBREAK without a drain"],
  ]);
}

/** A Markdown table, aligned as `deno fmt` would have it. */
function table(rows: readonly string[][]): string {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = (cells[0] ?? []).map((_, at) =>
    Math.max(3, ...cells.map((row) => row[at]?.length ?? 0))
  );
  const lines = cells.map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)));
  const rule = widths.map((width) => "-".repeat(width));
  return [lines[0] ?? [], rule, ...lines.slice(1)].map((line) => `| ${line.join(" | ")} |`)
    .join("\n");
}

function code(text: string): string {
  return `\`${text}\``;
}

/** The text of the JSON Schema. */
export function renderSchema(): string {
  return JSON.stringify(configSchema(), null, 2) + "\n";
}

if (import.meta.main) {
  Deno.writeTextFileSync(PAGE, renewPage(Deno.readTextFileSync(PAGE)));
  Deno.writeTextFileSync(SCHEMA, renderSchema());
}
