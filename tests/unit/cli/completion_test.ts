/** What the completion scripts are made of, and the one that no test here can run. */
import { renderCompletion } from "../../../lib/cli/completion/completion.ts";
import { commandWords } from "../../../lib/cli/completion/words.ts";
import { COMMANDS } from "../../../lib/config/commands.ts";
import { OPTION_NAMES, takes } from "../../../lib/config/schema.ts";
import { assert, assertEquals } from "../../support/assert.ts";

Deno.test("every command has the flags it takes and --help", () => {
  const words = commandWords();
  assertEquals(words.map(({ name }) => name), COMMANDS);
  for (const { name, flags } of words) {
    const expected = OPTION_NAMES.filter((option) => takes(name, option)).map((it) => `--${it}`);
    assertEquals(flags.map(({ flag }) => flag), [...expected, "--help"]);
    for (const { value, choices } of flags) assertEquals(value === "choice", choices.length > 0);
  }
});

Deno.test("PowerShell's script names every command and flag within balanced quotes and brackets", () => {
  const script = renderCompletion("powershell", "remote-docker-agent") ?? "";
  for (const { name, flags } of commandWords()) {
    assert(script.includes(`'${name}'`), name);
    for (const { flag } of flags) assert(script.includes(`'${flag}'`), flag);
  }
  const bare = script.replaceAll(/'(?:[^']|'')*'/g, "").replaceAll(/"[^"]*"/g, "");
  assert(!bare.includes("'"));
  for (
    const [open, close] of ["()", "{}", "[]"].map((pair) => pair.split("") as [string, string])
  ) {
    assertEquals(bare.split(open).length, bare.split(close).length, open);
  }
});

Deno.test("a shell that is not known has no script", () => {
  assertEquals(renderCompletion("tcsh", "remote-docker-agent"), undefined);
});
