/** Renders the completion script of zsh. Pure. */
import { shellQuote } from "../../transport/posix_shell.ts";
import type { CommandWord, FlagWord } from "./words.ts";

/** The script, to be read by `source` after `compinit` or put into a folder of `fpath`. */
export function renderZsh(program: string, commands: readonly CommandWord[]): string {
  const about = commands.map(({ name, about }) => `    ${shellQuote(`${name}:${about}`)}`);
  return `#compdef ${program}
_remote_docker_agent() {
  local command=start word at=1 i
  local -a commands flags
  commands=(
${about.join("\n")}
  )
  for ((i = 2; i < CURRENT; i++)); do
    if [[ -n \${(M)commands:#\${words[i]}:*} ]]; then command=\${words[i]} at=$i; break; fi
  done
  case $command in
${commands.map(commandCase).join("\n")}
  esac
  if ((at == 1)); then
    _arguments -S $flags '1: :{ _describe command commands }' '*: :_files'
  else
    # The words before the command's name are done with.
    words=("\${words[1]}" "\${(@)words[at + 1, -1]}") CURRENT=$((CURRENT - at + 1))
    _arguments -S $flags
  fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _remote_docker_agent "$@"
else compdef _remote_docker_agent ${program}; fi
`;
}

function commandCase({ name, operands, flags }: CommandWord): string {
  const rest = operands.length === 0 ? "*: :_files" : `1: :(${operands.join(" ")})`;
  const common = name === "start" ? [] : [`      ${shellQuote(rest)}`];
  return [
    `    ${name}) flags=(`,
    ...flags.map((flag) => `      ${shellQuote(argument(flag))}`),
    ...common,
    "    ) ;;",
  ].join("\n");
}

function argument({ flag, help, value, choices }: FlagWord): string {
  const described = `*${flag}${value === "none" ? "" : "="}[${
    help.replaceAll(/[\[\]\\:]/g, "\\$&")
  }]`;
  const values = { none: "", choice: `: :(${choices.join(" ")})`, file: ": :_files", text: ": : " };
  return described + values[value];
}
