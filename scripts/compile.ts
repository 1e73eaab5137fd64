/**
 * `deno task compile`: executables for five platforms in `dist/`, with SHA256SUMS, and the one for
 * this machine once more as `dist/remote-docker-agent`. Where the base binary (denort) cannot be
 * downloaded, it says so and builds the portable single file for this platform instead.
 */
import { RUNTIME_FLAGS } from "../lib/cli/runtime.ts";
import { fileURLToPath } from "node:url";
import { buildPortable, CommandError, run, sha256 } from "./portable.ts";
import { releaseNotes } from "./release_notes.ts";

/** The platforms, each with what its file may weigh, in MB: the base binary takes nearly all of it. */
const BUDGETS: Readonly<Record<string, number>> = {
  "x86_64-unknown-linux-gnu": 120,
  "aarch64-unknown-linux-gnu": 120,
  "x86_64-apple-darwin": 110,
  "aarch64-apple-darwin": 110,
  "x86_64-pc-windows-msvc": 130,
};
/** The portable file is compressed. */
const PORTABLE_BUDGET = 48;
const NAME = "remote-docker-agent";
const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const DIST = `${PROJECT}dist`;

/** Builds what can be built; returns the names of the files in `dist/` and their budgets, in MB. */
async function compile(): Promise<Map<string, number>> {
  await Deno.remove(DIST, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.mkdir(DIST);
  try {
    return await compileAll();
  } catch (error) {
    if (!isMissingBase(error)) throw error;
    console.error(withoutBase(Deno.build.target));
  }
  await Deno.remove(DIST, { recursive: true });
  await Deno.mkdir(DIST);
  await buildPortable(`${DIST}/${NAME}`, await version());
  const name = `${NAME}-${Deno.build.target}`;
  await Deno.copyFile(`${DIST}/${NAME}`, `${DIST}/${name}`);
  return new Map([[NAME, PORTABLE_BUDGET], [name, PORTABLE_BUDGET]]);
}

/** What is built where the base binary cannot be downloaded, and what is not. */
export function withoutBase(own: string): string {
  const others = Object.keys(BUDGETS).filter((target) => target !== own);
  return "Cannot download the base binary (denort) that deno compile needs: building the portable " +
    `file for ${own}, and nothing for ${others.join(", ")}`;
}

async function compileAll(): Promise<Map<string, number>> {
  const files = new Map<string, number>();
  for (const [target, budget] of Object.entries(BUDGETS)) {
    const name = `${NAME}-${target}${target.includes("windows") ? ".exe" : ""}`;
    console.error(`Compiling ${name}`);
    const output = `${DIST}/${name}`;
    const flags = ["-A", ...RUNTIME_FLAGS, "--target", target, "-o", output];
    await run(Deno.execPath(), "compile", ...flags, "main.ts");
    files.set(name, budget);
    if (target === Deno.build.target) {
      const local = name.replace(`-${target}`, "");
      await Deno.copyFile(output, `${DIST}/${local}`);
      files.set(local, budget);
    }
  }
  return files;
}

/** Whether `deno compile` failed before it came to the program: no network, or a proxy's refusal. */
function isMissingBase(error: unknown): boolean {
  return error instanceof CommandError && /denort|Setting up base binary/.test(error.output);
}

async function version(): Promise<string> {
  const config: unknown = JSON.parse(await Deno.readTextFile(`${PROJECT}deno.json`));
  return (config as { version: string }).version;
}

/** A file that does not start is not worth shipping. Starts it with an empty cache of its own. */
async function checkStarts(name: string): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "compile-" });
  try {
    const { success, stdout, stderr } = await new Deno.Command(`${DIST}/${name}`, {
      args: ["--version"],
      env: { HOME: home, XDG_CACHE_HOME: `${home}/cache` },
    }).output();
    const decoder = new TextDecoder();
    const said = decoder.decode(stdout).trim();
    if (!success || said === "") {
      throw new Error(`"${name} --version" failed: ${decoder.decode(stderr).trim()}`);
    }
    console.error(`${name} starts: ${said}`);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** What a release has beside the executables; `VERSION` is what `upgrade --check` asks for. */
async function writeRelease(): Promise<string[]> {
  const changelog = await Deno.readTextFile(`${PROJECT}CHANGELOG.md`);
  await Deno.writeTextFile(`${DIST}/RELEASE_NOTES.md`, releaseNotes(changelog, await version()));
  await Deno.writeTextFile(`${DIST}/VERSION`, `${await version()}\n`);
  await Deno.copyFile(`${PROJECT}scripts/install.sh`, `${DIST}/install.sh`);
  return ["RELEASE_NOTES.md", "VERSION", "install.sh"];
}

async function writeSums(names: readonly string[]): Promise<void> {
  const lines = await Promise.all(
    names.map(async (name) => `${await sha256(`${DIST}/${name}`)}  ${name}\n`),
  );
  await Deno.writeTextFile(`${DIST}/SHA256SUMS`, lines.join(""));
}

if (import.meta.main) {
  try {
    const files = await compile();
    await checkStarts(Deno.build.os === "windows" ? `${NAME}.exe` : NAME);
    await writeSums([...files.keys(), ...await writeRelease()]);
    for (const [name, budget] of files) {
      const megabytes = (await Deno.stat(`${DIST}/${name}`)).size / 1e6;
      console.log(`dist/${name}  ${megabytes.toFixed(1)} MB of ${budget} MB`);
      if (megabytes > budget) throw new Error(`"dist/${name}" is larger than its budget`);
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
