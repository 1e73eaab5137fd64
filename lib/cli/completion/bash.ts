/** Renders the completion script of bash 4 and later. Pure. */
import type { CommandWord, FlagWord } from "./words.ts";

/**
 * The script, to be read by `source`. bash takes `--flag=value` for three words; the script puts them
 * together again.
 */
export function renderBash(program: string, commands: readonly CommandWord[]): string {
  const flags = commands.flatMap((command) => command.flags);
  const known = commands.map(({ name }) => name).join("|");
  return `# bash completion for ${program}
_remote_docker_agent() {
  local cur=\${COMP_WORDS[COMP_CWORD]} flag=\${COMP_WORDS[COMP_CWORD-1]} command=start at=0 i
  if [[ $cur == = ]]; then cur=
  elif [[ $flag == = ]]; then flag=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      --) COMPREPLY=($(compgen -c -f -- "$cur")); return ;;
      ${known}) command=\${COMP_WORDS[i]} at=$i; break ;;
    esac
  done
  case $flag in
${valueCases(flags)}
  esac
  if [[ $cur == -* ]]; then
    case $command in
${commands.map(flagsCase).join("\n")}
    esac
  elif ((at == 0)); then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")}" -- "$cur"))
  else
    case $command in
${commands.flatMap(operandsCase).join("\n")}
      *) COMPREPLY=($(compgen -f -- "$cur")) ;;
    esac
  fi
}
complete -o filenames -F _remote_docker_agent ${program}
`;
}

function valueCases(flags: readonly FlagWord[]): string {
  const choices = new Map(
    flags.filter(({ value }) => value === "choice").map((each) => [each.flag, each.choices]),
  );
  const named = (value: FlagWord["value"]) =>
    [...new Set(flags.filter((each) => each.value === value).map(({ flag }) => flag))].join("|");
  return [
    ...[...choices].map(([flag, words]) => `    ${flag}) ${answer(words)}; return ;;`),
    `    ${named("file")}) COMPREPLY=($(compgen -f -- "$cur")); return ;;`,
    `    ${named("text")}) return ;;`,
  ].join("\n");
}

function flagsCase({ name, flags }: CommandWord): string {
  return `      ${name}) ${answer(flags.map(({ flag }) => flag))} ;;`;
}

function operandsCase({ name, operands }: CommandWord): string[] {
  return operands.length === 0 ? [] : [`      ${name}) ${answer(operands)} ;;`];
}

function answer(words: readonly string[]): string {
  return `COMPREPLY=($(compgen -W "${words.join(" ")}" -- "$cur"))`;
}
