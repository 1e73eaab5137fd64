/**
 * Takes a command line apart: the command, its flags and what was asked about the program itself.
 * Every long flag may be written with one dash or two, as `--flag value` or `--flag=value`, and a
 * boolean also as `--no-flag`.
 */
import { parseArgs } from "node:util";
import { type CommandName, COMMANDS, commandSpec } from "../config/commands.ts";
import type { Given } from "../config/option.ts";
import { OPTION_NAMES, type OptionName, specOf, takes } from "../config/schema.ts";
import { suggestion } from "../config/suggest.ts";
import { quote } from "../config/values.ts";
import { AgentError } from "../errors.ts";
import { placeholderOf, usageOf } from "./usage.ts";

/** What a command line asks for. */
export type Invocation =
  | { readonly kind: "version" }
  | { readonly kind: "help"; readonly topic: CommandName | undefined }
  | {
    readonly kind: "run";
    readonly command: Exclude<CommandName, "help" | "version">;
    /** The word after the command, for those that take one; see `CommandSpec.operands`. */
    readonly operand?: string;
    /** The user's own words after the command; see `CommandSpec.places`. */
    readonly places?: readonly string[];
    /** What follows `--`, for a command that runs another one. */
    readonly rest?: readonly string[];
    readonly flags: readonly Given<OptionName>[];
  };

/** What a word after the dashes stands for. */
interface Flag {
  readonly name: OptionName;
  readonly negated: boolean;
}

const FLAGS = flagTable();
const FLAG_NAMES = [...FLAGS.keys(), "help", "version"].map((word) => `--${word}`);

function flagTable(): ReadonlyMap<string, Flag> {
  const flags = new Map<string, Flag>();
  for (const name of OPTION_NAMES) {
    const { type, aliases = [] } = specOf(name);
    for (const word of [name, ...aliases]) flags.set(word, { name, negated: false });
    if (type === "boolean") flags.set(`no-${name}`, { name, negated: true });
  }
  return flags;
}

/** Throws `AgentError` of kind `usage`. Relative paths among the values start from `cwd`. */
export function parseCommandLine(args: readonly string[], cwd: string): Invocation {
  const tokens = tokensOf(args);
  const { words, rest } = splitWords(tokens);
  const asked = new Set(tokens.flatMap((token) => token.kind === "option" ? [token.name] : []));
  if (asked.has("help")) return { kind: "help", topic: COMMANDS.find((name) => name === words[0]) };
  if (asked.has("version")) return { kind: "version" };

  const flags = tokens.flatMap((token) =>
    token.kind === "option" ? [readFlag(token, { args, cwd, words })] : []
  );
  const command = words[0] === undefined ? impliedCommand(flags) : readCommand(words[0]);
  const topic = command === "help" && words[1] !== undefined ? readCommand(words[1]) : undefined;
  const operand = readOperand(command, words[1]);
  const given = operand === undefined ? 0 : 1;
  const places = readPlaces(command, words.slice(1 + given));
  const expected = given + (places?.length ?? (topic === undefined ? 0 : 1));
  const surplus = words[1 + expected];
  if (surplus !== undefined) {
    const hint = commandSpec(command).rest === undefined
      ? "a value belongs to its flag, as in --flag=value"
      : `write ${usageOf(command)}`;
    throw new AgentError("usage", `Unexpected argument ${quote(surplus)}`, { hint });
  }
  const stray = flags.find(({ name }) => !takes(command, name));
  if (stray !== undefined) {
    const message = `Cannot use ${stray.origin.where} with the command "${command}"`;
    throw new AgentError("usage", message, { hint: helpHint(command) });
  }
  if (command === "help") return { kind: "help", topic };
  return command === "version" ? { kind: "version" } : {
    kind: "run",
    command,
    ...(operand === undefined ? {} : { operand }),
    ...(places === undefined ? {} : { places }),
    ...(rest === undefined ? {} : { rest: readRest(command, rest) }),
    flags,
  };
}

/** What follows `--` is kept apart for a command that has a use for it, and ordinary words else. */
function splitWords(tokens: Tokens): { words: string[]; rest: string[] | undefined } {
  const all = tokens.filter((token) => token.kind === "positional");
  const end = tokens.find((token) => token.kind === "option-terminator")?.index ?? Infinity;
  const first = COMMANDS.find((name) => name === all[0]?.value);
  const splits = first !== undefined && commandSpec(first).rest !== undefined;
  if (!splits) return { words: all.map(({ value }) => value), rest: undefined };
  return {
    words: all.filter(({ index }) => index < end).map(({ value }) => value),
    rest: all.filter(({ index }) => index > end).map(({ value }) => value),
  };
}

function readRest(command: CommandName, rest: readonly string[]): readonly string[] {
  if (rest.length > 0) return rest;
  throw new AgentError("usage", `Missing command after "${command}"`, {
    hint: `write ${usageOf(command)}`,
  });
}

function readPlaces(command: CommandName, words: readonly string[]): string[] | undefined {
  const { places: wanted, placesOptional, more } = commandSpec(command);
  if (more !== undefined) return [...words];
  if (wanted === undefined) return undefined;
  const missing = placesOptional ? undefined : wanted[words.length];
  if (missing === undefined) return words.slice(0, wanted.length);
  throw new AgentError("usage", `Missing ${missing} after "${command}"`, {
    hint: `write ${command} ${wanted.join(" ")}`,
  });
}

function readOperand(command: CommandName, word: string | undefined): string | undefined {
  const { operands: allowed, operandOptional } = commandSpec(command);
  if (allowed === undefined) return undefined;
  if (word !== undefined && allowed.includes(word)) return word;
  if (word === undefined && operandOptional) return undefined;
  const message = word === undefined
    ? `Missing word after "${command}"`
    : `Unknown word ${quote(word)} after "${command}"`;
  throw new AgentError("usage", message, { hint: `write ${command} ${allowed.join("|")}` });
}

type Tokens = NonNullable<ReturnType<typeof parseArgs>["tokens"]>;
type OptionToken = Extract<Tokens[number], { kind: "option" }>;

function tokensOf(args: readonly string[]): Tokens {
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = {
    help: { type: "boolean", short: "h" },
    version: { type: "boolean", short: "V" },
  };
  for (const [word, { name }] of FLAGS) {
    const { type, short } = specOf(name);
    options[word] = {
      type: type === "boolean" ? "boolean" : "string",
      ...(short !== undefined && word === name && { short }),
    };
  }
  const end = args.indexOf("--");
  // One dash before a long flag, as in `-ssh-user=dev`, is how earlier tools wrote it.
  const doubled = args.map((arg, index) =>
    (end < 0 || index < end) && /^-[A-Za-z][^=]/.test(arg) ? `-${arg}` : arg
  );
  return parseArgs({ args: doubled, options, strict: false, allowPositionals: true, tokens: true })
    .tokens;
}

/** Where the options stand of the command that was meant, as far as that is known. */
function helpHint(word: string | undefined): string {
  const command = COMMANDS.find((name) => name === word);
  const help = command === undefined || command === "start" ? "--help" : `help ${command}`;
  return `remote-docker-agent ${help} shows what there is`;
}

function readFlag(
  token: OptionToken,
  { args, cwd, words }: { args: readonly string[]; cwd: string; words: readonly string[] },
): Given<OptionName> {
  const flag = FLAGS.get(token.name);
  if (flag === undefined) {
    const typed = (args[token.index] ?? token.rawName).split("=", 1)[0] ?? "";
    throw new AgentError("usage", `Unknown flag ${quote(typed)}`, {
      hint: suggestion(`--${token.name}`, FLAG_NAMES, helpHint(words[0])),
    });
  }
  const where = `--${token.name}`;
  const origin = { source: "flag", where } as const;
  return { name: flag.name, text: textOf(token, flag, where), origin, base: cwd };
}

function textOf(token: OptionToken, flag: Flag, where: string): string {
  if (specOf(flag.name).type === "boolean") {
    if (!flag.negated) return token.value ?? "true";
    if (token.value === undefined) return "false";
    throw new AgentError("usage", `Unexpected value ${quote(token.value)} for ${where}`);
  }
  // A flag in the place of a value is far more often a value left out.
  const number = specOf(flag.name).type === "integer" && /^-\d+$/.test(token.value ?? "");
  const flagAsValue = token.inlineValue === false && /^-./.test(token.value) && !number;
  if (token.value === undefined || flagAsValue) {
    throw new AgentError("usage", `Missing value for ${where}`, {
      hint: `write ${where}=${placeholderOf(specOf(flag.name))}`,
    });
  }
  return token.value;
}

/** The first command that takes all of the flags; earlier tools had flags and no commands. */
function impliedCommand(flags: readonly Given<OptionName>[]): CommandName {
  const takesAll = (command: CommandName) =>
    flags.every(({ name }) => specOf(name).commands.includes(command));
  return COMMANDS.find(takesAll) ?? "start";
}

function readCommand(word: string): CommandName {
  const command = COMMANDS.find((name) => name === word);
  if (command !== undefined) return command;
  throw new AgentError("usage", `Unknown command ${quote(word)}`, {
    hint: suggestion(word, COMMANDS, `the commands are ${COMMANDS.join(", ")}`),
  });
}
