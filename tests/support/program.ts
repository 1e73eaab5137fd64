/**
 * The command line that starts the program under test: the sources, or the file that users download
 * where `RDA_E2E_PROGRAM` names one. The runner sets it, so that the tests run what is shipped.
 */
import { dirname } from "node:path";
import { RUNTIME_FLAGS } from "../../lib/cli/runtime.ts";

/** Names the executable to test. */
export const PROGRAM_VARIABLE = "RDA_E2E_PROGRAM";

/** Its value for the sources, where the runner would take the file. */
const SOURCES = "sources";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** The executable and its first arguments. */
export function programCommand(): readonly [string, ...string[]] {
  const file = programFile();
  if (file !== undefined) return [file];
  return [Deno.execPath(), "run", "-A", "--quiet", ...RUNTIME_FLAGS, "--config", CONFIG, MAIN];
}

/** The executable to test; `undefined` for the sources. */
function programFile(): string | undefined {
  const file = Deno.env.get(PROGRAM_VARIABLE);
  return file === SOURCES ? undefined : file;
}

/** {@link programCommand} for a shell to read. */
export function programLine(): string {
  return programCommand().map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
}

/** Where the program may keep what it unpacks and compiles: Deno's cache, or one beside the file. */
export function cacheVariables(): Record<string, string> {
  const home = Deno.env.get("HOME") ?? "/";
  const caches = Deno.env.get("XDG_CACHE_HOME") ?? `${home}/.cache`;
  const file = programFile();
  return {
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${caches}/deno`,
    XDG_CACHE_HOME: file === undefined ? caches : `${dirname(file)}/cache`,
  };
}
