/** Renders the completion script of PowerShell 5 and later. Pure. */
import type { CommandWord, FlagWord } from "./words.ts";

/** The script, to be read by `| Out-String | Invoke-Expression` or from the profile. */
export function renderPowershell(program: string, commands: readonly CommandWord[]): string {
  const flags = commands.flatMap((command) => command.flags);
  const choices = new Map(
    flags.filter(({ value }) => value === "choice").map((each) => [each.flag, each.choices]),
  );
  const bare = [...new Set(flags.filter(({ value }) => value === "none").map(({ flag }) => flag))];
  return `# PowerShell completion for ${program}
Register-ArgumentCompleter -Native -CommandName ${quote(program)} -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $commands = [ordered]@{
${commands.map(({ name, about }) => `    ${quote(name)} = ${quote(about)}`).join("\n")}
  }
  $flags = @{
${commands.map(flagTable).join("\n")}
  }
  $operands = @{
${commands.flatMap(operandTable).join("\n")}
  }
  $choices = @{
${[...choices].map(([flag, words]) => `    ${quote(flag)} = ${list(words)}`).join("\n")}
  }
  $bare = ${list(bare)}
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
  if ($wordToComplete -ne '' -and $words.Count -gt 0) { $words = @($words | Select-Object -SkipLast 1) }
  $command = @($words | Where-Object { $commands.Contains($_) } | Select-Object -First 1)
  $last = if ($words.Count -gt 0) { $words[-1] } else { '' }
  $found = if ($choices.ContainsKey($last)) { $choices[$last] }
  elseif ($last.StartsWith('--') -and $bare -notcontains $last) { return }
  elseif ($wordToComplete.StartsWith('-')) { $flags[$(if ($command) { $command[0] } else { 'start' })].Keys }
  elseif (-not $command) { $commands.Keys }
  else { $operands[$command[0]] }
  $found | Where-Object { "$_".StartsWith($wordToComplete) } | Sort-Object | ForEach-Object {
    $tip = if ($commands.Contains($_)) { $commands[$_] } else { $_ }
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $tip)
  }
}
`;
}

function flagTable({ name, flags }: CommandWord): string {
  const rows = flags.map(({ flag, help }: FlagWord) => `${quote(flag)} = ${quote(help)}`);
  return `    ${quote(name)} = @{ ${rows.join("; ")} }`;
}

function operandTable({ name, operands }: CommandWord): string[] {
  return operands.length === 0 ? [] : [`    ${quote(name)} = ${list(operands)}`];
}

function list(words: readonly string[]): string {
  return `@(${words.map(quote).join(", ")})`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
