/** `completions SHELL`: the script that makes a shell complete our command line. Pure. */
import { renderBash } from "./bash.ts";
import { renderFish } from "./fish.ts";
import { renderPowershell } from "./powershell.ts";
import { type CommandWord, commandWords } from "./words.ts";
import { renderZsh } from "./zsh.ts";

const RENDER: Readonly<
  Record<string, (program: string, commands: readonly CommandWord[]) => string>
> = { bash: renderBash, zsh: renderZsh, fish: renderFish, powershell: renderPowershell };

/** The script for a shell; `undefined` for one we do not know. */
export function renderCompletion(shell: string, program: string): string | undefined {
  return RENDER[shell]?.(program, commandWords());
}
