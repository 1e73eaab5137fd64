/**
 * The remote host the bench runs against: `tests/rig/rhost`. A host that was up already stays up,
 * unshaped; one that the bench brought up is taken down again.
 */

const RHOST = new URL("../../tests/rig/rhost", import.meta.url).pathname;
const DEFAULT_NAME = "rda-bench";

const VARIABLES = [
  "RHOST_ADDR",
  "RHOST_PORT",
  "RHOST_USER",
  "RHOST_KEY",
  "RHOST_KNOWN_HOSTS",
  "RHOST_BIN",
  "RHOST_DOCKER_SOCK",
  "RHOST_DIRECT_SOCK",
] as const;

/** What the bench uses of `rhost env`. */
export type RigEnv = Record<typeof VARIABLES[number], string>;

/** A remote host that is up. */
export interface Rig {
  readonly env: RigEnv;
  /** Gives the link a round trip time, in ms; 0 takes the shaping away. */
  setRoundTrip(milliseconds: number): Promise<void>;
  /** Unshapes the link, and takes the host down if this run brought it up. */
  release(): Promise<void>;
}

/** Brings the host named by `RHOST_NAME` up, or one of the bench's own. Throws with rhost's text. */
export async function acquireRig(): Promise<Rig> {
  const name = Deno.env.get("RHOST_NAME") ?? DEFAULT_NAME;
  const wasUp = (await rhost(name, ["status"])).code === 0;
  if (!wasUp) await must(name, ["up"]);
  const env = parseEnv(await must(name, ["env"]));
  return {
    env,
    async setRoundTrip(milliseconds) {
      const shape = ["shape", "delay", `${milliseconds / 2}ms`];
      await must(name, milliseconds === 0 ? ["unshape"] : shape);
    },
    async release() {
      await must(name, wasUp ? ["unshape"] : ["down"]);
    },
  };
}

async function rhost(name: string, args: readonly string[]) {
  const command = new Deno.Command(RHOST, { args: ["-n", name, ...args], stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr).trim() };
}

async function must(name: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await rhost(name, args);
  if (code !== 0) throw new Error(`Cannot run "rhost ${args.join(" ")}": ${stderr}`);
  return stdout;
}

/** Reads the `export NAME=value` lines of `rhost env`; throws when one that is needed is missing. */
function parseEnv(text: string): RigEnv {
  const found = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, key, value] = /^export (\w+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) found.set(key, value);
  }
  const entries = VARIABLES.map((key) => {
    const value = found.get(key);
    if (value === undefined) throw new Error(`Cannot find "${key}" in the output of rhost env`);
    return [key, value] as const;
  });
  return Object.fromEntries(entries) as RigEnv;
}
