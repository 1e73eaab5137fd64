import { parseCommandLine } from "../../../lib/cli/args.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { shellWords } from "../../support/command_line.ts";
import { codeOf, type Page, pages } from "./pages.ts";

/** What is typed on a command line of a page; a backslash goes on with it on the next one. */
function commandsOf(page: Page): string[] {
  const typed = codeOf(page, ["sh"]);
  // The other lines of a session are answers.
  const sessions = codeOf(page, ["", "console"]).map((code) => code.replaceAll(/^[^$].*\n/gm, ""));
  const lines = [...typed, ...sessions]
    .flatMap((code) => code.replaceAll(/\\\n\s*/g, "").split("\n"));
  return lines.flatMap((line) => {
    const found = /(?:^|^\$ |"\$\()(remote-docker-agent .*)$/.exec(line)?.[1];
    // What comes after it is the shell's: a comment, a pipe, another command.
    return found === undefined ? [] : [found.replace(/(\s+#.*|\)"| && .*| \|.*| &)$/, "")];
  });
}

/** Why the program would not take it; nothing if it would. */
function mistakeIn(command: string): string | undefined {
  // A choice between words, and what may be left out.
  if (/[|[\]…<>]/.test(command)) return undefined;
  try {
    parseCommandLine(shellWords(command).slice(1), "/");
    return undefined;
  } catch (error) {
    return `${command}: ${error instanceof Error ? error.message : error}`;
  }
}

Deno.test("the command lines of all pages are taken", () => {
  const commands = pages().flatMap(commandsOf);
  assert(commands.length > 60, `${commands.length} were found`);
  assertEquals(commands.flatMap((command) => mistakeIn(command) ?? []), []);
});

Deno.test("a flag that there is not is found", () => {
  assert(mistakeIn("remote-docker-agent --no-such-flag") !== undefined);
});
