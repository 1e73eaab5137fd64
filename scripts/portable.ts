/**
 * Builds the portable single file for the platform it runs on: `launcher.sh`, then a compressed
 * archive of the Deno binary and of the program as one bundle. For where `deno compile` cannot
 * download its base binary, and for Unix only.
 */
import { RUNTIME_FLAGS } from "../lib/cli/runtime.ts";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const LAUNCHER = new URL("./launcher.sh", import.meta.url);
/** Modules of CommonJS packages (ssh2's poly1305) take this name for granted. */
const PRELUDE = "const __dirname = import.meta.dirname;\n";

/** Runs a command in the project; throws `CommandError` when it fails. */
export async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, {
    args,
    cwd: PROJECT,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new CommandError(`${command} ${args[0]}`, new TextDecoder().decode(stderr));
}

/** A command that failed; `output` is its standard error. */
export class CommandError extends Error {
  readonly output: string;
  constructor(command: string, output: string) {
    super(`"${command}" failed: ${output.trim()}`);
    this.output = output;
  }
}

/** Writes the portable file of this platform to `path`, executable. */
export async function buildPortable(path: string, version: string): Promise<void> {
  if (Deno.build.os === "windows") {
    throw new Error("Cannot build the portable file on Windows");
  }
  const staging = await Deno.makeTempDir({ prefix: "portable-" });
  try {
    await bundle(`${staging}/main.js`);
    await Deno.copyFile(Deno.execPath(), `${staging}/remote-docker-agent`);
    await Deno.chmod(`${staging}/remote-docker-agent`, 0o755);
    const id = `${version}-${await fingerprint(staging)}`;
    await assemble(path, { version, id, directory: staging });
  } finally {
    await Deno.remove(staging, { recursive: true });
  }
}

/** Native addons are optional to ssh2 and cannot be part of a bundle. */
async function bundle(path: string): Promise<void> {
  await run(Deno.execPath(), "bundle", "--quiet", "--external", "*.node", "-o", path, "main.ts");
  await Deno.writeTextFile(path, PRELUDE + await Deno.readTextFile(path));
}

/** Tells builds of one version apart, so that none runs from the cache of another. */
async function fingerprint(staging: string): Promise<string> {
  const parts = await Promise.all(
    ["main.js", "remote-docker-agent"].map((name) => sha256(`${staging}/${name}`)),
  );
  const bytes = new TextEncoder().encode(parts.join("\n"));
  return hex(await crypto.subtle.digest("SHA-256", bytes)).slice(0, 12);
}

async function launcher(version: string, id: string): Promise<string> {
  const text = await Deno.readTextFile(LAUNCHER);
  const isMac = Deno.build.os === "darwin";
  const values: Record<string, string> = {
    VERSION: version,
    PLATFORM: Deno.build.target,
    ID: id,
    CACHES: isMac ? "${HOME}/Library/Caches" : "${XDG_CACHE_HOME:-${HOME}/.cache}",
    PLACES: isMac ? "HOME" : "HOME or XDG_CACHE_HOME",
    VARIABLE: isMac ? "HOME" : "XDG_CACHE_HOME",
    RUNTIME_FLAGS: RUNTIME_FLAGS.join(" "),
    FIRST_LINE: String(text.split("\n").length),
  };
  return text.replaceAll(/@([A-Z_]+)@/g, (_match, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`Unknown placeholder "${name}" in launcher.sh`);
    return value;
  });
}

/** What goes into a portable file. */
export interface Payload {
  version: string;
  /** The name of the directory it is unpacked into. */
  id: string;
  /** Holds `main.js` and the runtime, named `remote-docker-agent`. */
  directory: string;
}

/** Writes a portable file to `path`, executable. */
export async function assemble(path: string, payload: Payload): Promise<void> {
  const archive = `${path}.tar.gz`;
  await run("tar", "-czf", archive, "-C", payload.directory, "main.js", "remote-docker-agent");
  await Deno.writeTextFile(path, await launcher(payload.version, payload.id));
  using source = await Deno.open(archive);
  await Deno.writeFile(path, source.readable, { append: true });
  await Deno.chmod(path, 0o755);
  await Deno.remove(archive);
}

/** The SHA-256 of a file, in hexadecimal. */
export async function sha256(path: string): Promise<string> {
  return hex(await crypto.subtle.digest("SHA-256", await Deno.readFile(path)));
}

function hex(digest: ArrayBuffer): string {
  return new Uint8Array(digest).toHex();
}
