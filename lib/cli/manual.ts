/** Renders the manual page from the tables of commands and options, for `man -l -`. Pure. */
import { type CommandName, COMMANDS, commandSpec } from "../config/commands.ts";
import { envNameOf, fileKeyOf, GROUPS } from "../config/option.ts";
import { OPTION_NAMES, type OptionName, SECRETS, specOf } from "../config/schema.ts";
import { defaultOf, operandsOf, placeholderOf } from "./usage.ts";

/** The page in the macros of man(7). */
export function renderManual(program: string, version: string): string {
  return [
    `.TH ${program.toUpperCase()} 1 "" "${program} ${version}"`,
    ".SH NAME",
    `${program} \\- ${text("makes the Docker engine of a remote host available on this machine")}`,
    ".SH SYNOPSIS",
    ...synopsis(program),
    ".SH COMMANDS",
    ...COMMANDS.flatMap((
      name,
    ) => [".TP", `.B ${text(usage(name))}`, text(commandSpec(name).about)]),
    ".SH OPTIONS",
    ...GROUPS.flatMap(group),
    ".SH ENVIRONMENT",
    text("Every option can be set by the variable that stands beside it. Only as a variable:"),
    ...SECRETS.flatMap(({ env, help }) => [".TP", `.B ${env}`, text(help)]),
    ".SH FILES",
    text(
      "Every option but those marked can stand in the configuration file under its key. The " +
        "file is config.yaml in the folder of the program among the user's configuration.",
    ),
    ".SH SEE ALSO",
    ".BR docker (1),\n.BR ssh (1),\n.BR ssh_config (5)",
  ].join("\n") + "\n";
}

function synopsis(program: string): string[] {
  return [
    `.B ${program}`,
    "[\\fBstart\\fR] [\\fIOPTIONS\\fR]",
    ".br",
    `.B ${program}`,
    "\\fICOMMAND\\fR [\\fIOPTIONS\\fR]",
  ];
}

function usage(name: CommandName): string {
  return [name, ...operandsOf(name)].join(" ");
}

function group(title: typeof GROUPS[number]): string[] {
  const names = OPTION_NAMES.filter((name) => specOf(name).group === title);
  return names.length === 0 ? [] : [`.SS ${text(title)}`, ...names.flatMap(option)];
}

function option(name: OptionName): string[] {
  const spec = specOf(name);
  const value = placeholderOf(spec);
  const standard = defaultOf(spec);
  const inFile = spec.inFile === false ? "not in a file" : `key ${fileKeyOf(name)}`;
  const lines = [
    `${spec.help}${spec.many === true ? "; may be repeated" : ""}.`,
    ...(standard === undefined ? [] : [`Default: ${standard}.`]),
    `For ${spec.commands.join(", ")} (${envNameOf(name)}, ${inFile}).`,
  ];
  return [
    ".TP",
    `\\fB\\-\\-${text(name)}\\fR${value === "" ? "" : ` \\fI${text(value)}\\fR`}`,
    ...lines.map(text),
  ];
}

/** Backslashes and hyphens are escaped, and a line cannot begin a macro. */
function text(words: string): string {
  return words.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^([.'])/, "\\&$1");
}
