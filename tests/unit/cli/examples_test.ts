/** Every command line of the help and of the documentation is one that the program understands. */
import { parseCommandLine } from "../../../lib/cli/args.ts";
import { renderUsage } from "../../../lib/cli/usage.ts";
import { loadConfiguration } from "../../../lib/config/configuration.ts";
import { COMMANDS } from "../../../lib/config/commands.ts";
import { loadValues } from "../../../lib/config/load.ts";
import { messageOf } from "../../../lib/errors.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { testSystem } from "../../support/command_line.ts";

const ROOT = new URL("../../../", import.meta.url);
const PROGRAM = "remote-docker-agent";
/** Written as in a man page, or meant to be filled in. */
const IS_PATTERN = /\[|\.\.\.|…|\||\b(USER@HOST|NAME|FILE|URL|HOST|COMMAND)\b|, process \d+\)/;

/** The command lines in a text, in one line each, without what is around them. */
function commandLines(text: string): string[] {
  const joined = text.replaceAll(/\\\n\s*/g, " ");
  return [...joined.matchAll(/^(?:\$ |\s*)(?:sudo |exec )?remote-docker-agent( .*)?$/gm)]
    .map(([, rest = ""]) => rest.replace(/\s(?:[&;<>]|#|2>).*$/, "").trim())
    .filter((line) => !IS_PATTERN.test(line));
}

/** The words of a line, as a shell splits them; quotes and nothing else are special. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)]
    .map(([word]) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}

async function* sources(): AsyncGenerator<[string, string]> {
  for (const command of COMMANDS) yield [`help ${command}`, renderUsage(command)];
  for (const page of ["README.md", "README.zh-CN.md"]) {
    yield [page, await Deno.readTextFile(new URL(page, ROOT))];
  }
  for await (const { name } of Deno.readDir(new URL("docs/", ROOT))) {
    if (!name.endsWith(".md")) continue;
    yield [name, await Deno.readTextFile(new URL(`docs/${name}`, ROOT))];
  }
}

async function understand(line: string): Promise<string | undefined> {
  const { place, cwd, isTerminal, readFile } = testSystem({});
  try {
    const invocation = parseCommandLine(wordsOf(line), cwd);
    if (invocation.kind !== "run") return undefined;
    const all = { ...invocation, place, cwd, isTerminal, readFile };
    await (invocation.command === "start" ? loadConfiguration(all) : loadValues(all));
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

Deno.test("every example is understood", async () => {
  const wrong: string[] = [];
  let count = 0;
  for await (const [where, text] of sources()) {
    for (const line of commandLines(text)) {
      count++;
      const why = await understand(line);
      if (why !== undefined) wrong.push(`${where}: ${PROGRAM} ${line}: ${why}`);
    }
  }
  assertEquals(wrong, []);
  assert(count > 50, `only ${count} were found`);
});
