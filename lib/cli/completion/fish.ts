/** Renders the completion script of fish. Pure. */
import type { CommandWord, FlagWord } from "./words.ts";

/** The script, to be read by `source` or put into `~/.config/fish/completions/`. */
export function renderFish(program: string, commands: readonly CommandWord[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  const lines = [
    `# fish completion for ${program}`,
    `function __remote_docker_agent_in`,
    `  set -l words (commandline -opc)`,
    `  for word in $words[2..]`,
    `    contains -- $word ${names}; and test $word = $argv[1]; and return 0`,
    `    contains -- $word ${names}; and return 1`,
    `  end`,
    `  test $argv[1] = start`,
    `end`,
    `complete -c ${program} -f`,
    ...commands.map(({ name, about }) =>
      `complete -c ${program} -n "not __fish_seen_subcommand_from ${names}" -a ${name} -d ${
        quote(about)
      }`
    ),
    ...commands.flatMap((command) => commandLines(program, command)),
  ];
  return lines.join("\n") + "\n";
}

function commandLines(program: string, { name, operands, flags }: CommandWord): string[] {
  const only = `complete -c ${program} -n "__remote_docker_agent_in ${name}"`;
  const words = operands.length === 0 ? [] : [
    `complete -c ${program} -n "__fish_seen_subcommand_from ${name}" -a ${
      quote(operands.join(" "))
    }`,
  ];
  return [...words, ...flags.map((flag) => `${only} ${flagPart(flag)} -d ${quote(flag.help)}`)];
}

function flagPart({ flag, value, choices }: FlagWord): string {
  const long = `-l ${flag.slice(2)}`;
  if (value === "choice") return `${long} -x -a ${quote(choices.join(" "))}`;
  if (value === "file") return `${long} -r -F`;
  return value === "text" ? `${long} -x` : long;
}

/** In single quotes fish knows only \\\\ and \\'. */
function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
