/**
 * `deno task compile`: executables for five platforms in `dist/`, with SHA256SUMS, and the one for
 * this machine once more as `dist/remote-docker-agent`. Where the base binary (denort) cannot be
 * downloaded, it says so and builds the portable single file for this platform instead.
 */
import { RUNTIME_FLAGS } from "../lib/cli/runtime.ts";
import { fileURLToPath } from "node:url";
import { buildPortable, CommandError, run, sha256 } from "./portable.ts";

const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];
const NAME = "remote-docker-agent";
const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const DIST = `${PROJECT}dist`;

/** Builds what can be built; returns the names of the files in `dist/`. */
async function compile(): Promise<string[]> {
  await Deno.remove(DIST, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.mkdir(DIST);
  try {
    return await compileAll();
  } catch (error) {
    if (!isMissingBase(error)) throw error;
    console.error("Cannot download the base binary (denort) that deno compile needs.");
    console.error(`Building the portable file for ${Deno.build.target} instead.`);
  }
  await Deno.remove(DIST, { recursive: true });
  await Deno.mkdir(DIST);
  await buildPortable(`${DIST}/${NAME}`, await version());
  return [NAME];
}

async function compileAll(): Promise<string[]> {
  const names: string[] = [];
  for (const target of TARGETS) {
    const name = `${NAME}-${target}${target.includes("windows") ? ".exe" : ""}`;
    console.error(`Compiling ${name}`);
    const output = `${DIST}/${name}`;
    const flags = ["-A", ...RUNTIME_FLAGS, "--target", target, "-o", output];
    await run(Deno.execPath(), "compile", ...flags, "main.ts");
    names.push(name);
    if (target === Deno.build.target) {
      const local = name.replace(`-${target}`, "");
      await Deno.copyFile(output, `${DIST}/${local}`);
      names.push(local);
    }
  }
  return names;
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

async function writeSums(names: readonly string[]): Promise<void> {
  const lines = await Promise.all(
    names.map(async (name) => `${await sha256(`${DIST}/${name}`)}  ${name}\n`),
  );
  await Deno.writeTextFile(`${DIST}/SHA256SUMS`, lines.join(""));
}

if (import.meta.main) {
  try {
    const names = await compile();
    await checkStarts(Deno.build.os === "windows" ? `${NAME}.exe` : NAME);
    await writeSums(names);
    for (const name of names) {
      const { size } = await Deno.stat(`${DIST}/${name}`);
      console.log(`dist/${name}  ${(size / 1e6).toFixed(1)} MB`);
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
