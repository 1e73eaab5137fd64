/** What shells may complete: commands, their words and their flags, taken from the option table. Pure. */
import { type CommandName, COMMANDS, commandSpec } from "../../config/commands.ts";
import type { OptionSpec } from "../../config/option.ts";
import { OPTION_NAMES, specOf, takes } from "../../config/schema.ts";

/** One flag of a command. */
export interface FlagWord {
  /** With its dashes. */
  readonly flag: string;
  readonly help: string;
  /** What follows the flag: nothing, one of some words, the name of a file, anything. */
  readonly value: "none" | "choice" | "file" | "text";
  readonly choices: readonly string[];
}

/** One command. */
export interface CommandWord {
  readonly name: CommandName;
  readonly about: string;
  /** The words that may follow the name. */
  readonly operands: readonly string[];
  readonly flags: readonly FlagWord[];
}

const ALWAYS: readonly FlagWord[] = [
  { flag: "--help", help: "Show how it is used", value: "none", choices: [] },
];

/** Every command with all that may follow it, in the order of the help. */
export function commandWords(): readonly CommandWord[] {
  return COMMANDS.map((name) => {
    const { about, operands = [] } = commandSpec(name);
    const flags = OPTION_NAMES.filter((option) => takes(name, option))
      .map((option) => flagWord(option, specOf(option)));
    return {
      name,
      about,
      operands: name === "help" ? COMMANDS : operands,
      flags: [...flags, ...ALWAYS],
    };
  });
}

function flagWord(name: string, { type, choices = [], help }: OptionSpec): FlagWord {
  const value = type === "boolean"
    ? "none"
    : type === "choice"
    ? "choice"
    : type === "path"
    ? "file"
    : "text";
  return { flag: `--${name}`, help, value, choices };
}
