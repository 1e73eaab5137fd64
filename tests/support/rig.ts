/**
 * The remote host of the end-to-end tests: the rig in `tests/rig`, brought up once per run. The
 * runner (`scripts/test.ts`) owns it and tells the test files so through the environment; a test
 * file that is run by itself brings it up and takes it down again.
 *
 * Where this machine cannot carry a rig, `unsupported` says why, and tests are skipped with that
 * reason. A rig that should come up and does not is an error, never a skip.
 */
import { runOk } from "./child.ts";
import { exists } from "./exists.ts";
import { currentSuite, isPodman, NEWER_SUITE, ownSuite, suiteObstacle } from "./suite.ts";
import { currentWay } from "./way.ts";

/** Names the rig, so that several checkouts can have one each. */
export const RIG_NAME_VARIABLE = "RDA_RIG_NAME";
/** Set by the runner while it holds the rig up. */
export const RIG_UP_VARIABLE = "RDA_RIG_UP";

const SCRIPT = new URL("../rig/rhost", import.meta.url).pathname;
const UP_TIMEOUT_MS = 600_000;

/** What is known about a running rig. Paths are those of this machine unless they say otherwise. */
export interface Rig {
  readonly name: string;
  /** IPv4 address of the remote host. */
  readonly address: string;
  readonly port: number;
  /** A user in group docker; `plain` is one who is not. Both take `key`. */
  readonly user: string;
  readonly key: string;
  /** A key nobody takes. */
  readonly keyDenied: string;
  readonly knownHosts: string;
  readonly sshConfig: string;
  /** A directory with an `ssh` that uses this configuration, to be put first in PATH. */
  readonly bin: string;
  /** The engine's socket as the remote host names it. */
  readonly dockerSocket: string;
  /** The engine's socket past SSH and link: the thing to compare with. */
  readonly directSocket: string;
  /** The root file system of the remote host, seen from here. */
  readonly root: string;
  /** Runs a verb of the rig script, such as `cut`, and returns what it prints. */
  verb(...args: string[]): Promise<string>;
  /** Restarts the engine with further options, such as `-H tcp://127.0.0.1:2375`. */
  restartEngine(options: string): Promise<void>;
}

/** The name of this run's rig; a file that asks for another engine has a rig beside it. */
export function rigName(): string {
  const name = Deno.env.get(RIG_NAME_VARIABLE) ?? "rda";
  const suite = ownSuite();
  return suite === undefined ? name : beside(name, suite);
}

/** The rig beside the run's own that files with a newer engine have; there may be none. */
export function newerRigName(): string {
  return beside(rigName(), NEWER_SUITE);
}

function beside(name: string, suite: string): string {
  return `${name}-${suite}`;
}

/** Why this machine cannot carry a rig, or `undefined` where it can. */
export function unsupported(): string | undefined {
  if (Deno.build.os !== "linux") return `the rig needs Linux, this is ${Deno.build.os}`;
  if (Deno.uid() !== 0) return "the rig needs root";
  if (!exists("/etc/debian_version") || !exists("/usr/bin/apt-get")) {
    return "the rig needs Debian's packages";
  }
  const namespaces = ["--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "true"];
  if (!succeeds("unshare", namespaces)) return "the rig needs the right to make namespaces";
  return suiteObstacle();
}

/** Brings the rig up (a no-op but for repairs if it is) and describes it. */
export async function rigUp(name = rigName()): Promise<Rig> {
  const env = { ...Deno.env.toObject(), RHOST_SUITE: currentSuite() ?? "" };
  await runOk(SCRIPT, ["-n", name, "up"], { env, timeoutMs: UP_TIMEOUT_MS });
  if (isPodman()) await runOk(SCRIPT, ["-n", name, "podman"], { timeoutMs: UP_TIMEOUT_MS });
  return await describeRig(name);
}

/** Describes a rig that is up. */
export async function describeRig(name = rigName()): Promise<Rig> {
  const verb = (...args: string[]) =>
    runOk(SCRIPT, ["-n", name, ...args], { timeoutMs: UP_TIMEOUT_MS });
  const variables = parseExports(await verb("env"));
  const get = (key: string): string => {
    const value = variables.get(key);
    if (value === undefined) throw new Error(`The rig does not tell "${key}"`);
    return value;
  };
  return {
    name,
    address: get("RHOST_ADDR"),
    port: Number(get("RHOST_PORT")),
    user: get("RHOST_USER"),
    key: get("RHOST_KEY"),
    keyDenied: get("RHOST_KEY_DENIED"),
    knownHosts: get("RHOST_KNOWN_HOSTS"),
    sshConfig: get("RHOST_SSH_CONFIG"),
    bin: get("RHOST_BIN"),
    dockerSocket: get(isPodman() ? "RHOST_PODMAN_SOCK" : "RHOST_DOCKER_SOCK"),
    directSocket: get(isPodman() ? "RHOST_DIRECT_PODMAN_SOCK" : "RHOST_DIRECT_SOCK"),
    root: get("RHOST_ROOT"),
    async verb(...args) {
      const own = currentWay()?.verbs?.[args[0] ?? ""];
      if (own === undefined) return await verb(...args);
      await own();
      return "";
    },
    async restartEngine(options) {
      const env = { ...Deno.env.toObject(), RHOST_DOCKERD_OPTS: options };
      await runOk(SCRIPT, ["-n", name, "restart-dockerd"], { env, timeoutMs: UP_TIMEOUT_MS });
    },
  };
}

/** Removes every trace of the rig. Blocks: it also runs where nothing can be awaited any more. */
export function rigDown(name = rigName()): void {
  const output = new Deno.Command(SCRIPT, { args: ["-n", name, "down"], stdin: "null" })
    .outputSync();
  if (output.success) return;
  throw new Error(`The rig does not go down: ${new TextDecoder().decode(output.stderr).trim()}`);
}

function parseExports(text: string): Map<string, string> {
  const lines = text.split("\n").map((line) => line.match(/^export (\w+)=(.*)$/));
  return new Map(
    lines.flatMap((found) => found === null ? [] : [[found[1] ?? "", found[2] ?? ""]]),
  );
}

function succeeds(command: string, args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false; // not installed
  }
}
