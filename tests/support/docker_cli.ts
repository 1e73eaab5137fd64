/**
 * The real docker command lines, run with a clean environment and a configuration directory of
 * their own, against any endpoint. Two exist in the wild that matter here: a current one, and the
 * one of Debian 12 (20.10), whose BuildKit needs no plugin. With the suite of another Debian
 * (`suite.ts`), the current one is the suite's, and has the plugins buildx and compose.
 */
import { Child, type Finished, runCommand, type RunOptions } from "./child.ts";
import { Pty } from "./pty.ts";
import { suiteCli } from "./suite.ts";

/** `"current"` is a recent docker CLI beside the system's own; `"debian"` the one of Debian. */
export type CliName = "current" | "debian";

const PATHS: Record<CliName, string> = {
  current: "/usr/local/bin/docker",
  debian: "/usr/bin/docker",
};
const PLUGINS = "usr/libexec/docker/cli-plugins";

/** The root folder of a CLI that comes from another suite. */
function suiteOf(cli: CliName): string | undefined {
  return cli === "current" ? suiteCli() : undefined;
}

function pathOf(cli: CliName): string {
  const suite = suiteOf(cli);
  return suite === undefined ? PATHS[cli] : `${suite}/usr/bin/docker`;
}

/** How a docker command is to be run. */
export interface DockerOptions extends RunOptions {
  /** Variables added to the clean environment, such as `DOCKER_BUILDKIT`. */
  vars?: Record<string, string>;
}

/** One docker CLI bound to one endpoint. Holds a directory until `close`. */
export class DockerCli implements AsyncDisposable {
  readonly cli: CliName;
  readonly host: string;
  readonly #config: string;

  private constructor(cli: CliName, host: string, config: string) {
    this.cli = cli;
    this.host = host;
    this.#config = config;
  }

  /** Binds `cli` to an endpoint, such as `unix:///tmp/a.sock`. */
  static async open(cli: CliName, host: string): Promise<DockerCli> {
    const config = await Deno.makeTempDir({ prefix: "rda-docker-config-" });
    const suite = suiteOf(cli);
    if (suite !== undefined) await Deno.symlink(`${suite}/${PLUGINS}`, `${config}/cli-plugins`);
    return new DockerCli(cli, host, config);
  }

  get path(): string {
    return pathOf(this.cli);
  }

  /** Whether it has buildx and compose. */
  get hasPlugins(): boolean {
    return suiteOf(this.cli) !== undefined;
  }

  /** The environment of every command: nothing of the machine's own docker set-up leaks in. */
  env(vars: Record<string, string> = {}): Record<string, string> {
    return {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: this.#config,
      LANG: "C.UTF-8",
      TERM: "xterm",
      DOCKER_CONFIG: this.#config,
      DOCKER_HOST: this.host,
      ...vars,
    };
  }

  /** Runs to the end, whatever the exit code. */
  run(args: readonly string[], options: DockerOptions = {}): Promise<Finished> {
    const { vars, ...rest } = options;
    return runCommand(this.path, args, { ...rest, env: this.env(vars) });
  }

  /** Runs to the end; throws unless the exit code is 0. Returns standard output, trimmed. */
  async ok(args: readonly string[], options: DockerOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code === 0) return stdout.trim();
    throw new Error(`"docker ${args.join(" ")}" ends with ${code}: ${stderr.trim() || stdout}`);
  }

  /** Starts one that goes on. */
  spawn(args: readonly string[], options: DockerOptions = {}): Child {
    return new Child(this.path, args, { ...options, env: this.env(options.vars) });
  }

  /** Starts one on a terminal. */
  terminal(args: readonly string[]): Promise<Pty> {
    return Pty.open([this.path, ...args], { env: this.env() });
  }

  /** Runs a shell line in which `docker` is this CLI: for pipes that must not pass through here. */
  shell(line: string, options: DockerOptions = {}): Promise<Finished> {
    const script = `set -o pipefail; docker() { '${this.path}' "$@"; }; ${line}`;
    const { vars, ...rest } = options;
    return runCommand("/bin/bash", ["-c", script], { ...rest, env: this.env(vars) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#config, { recursive: true });
  }
}

/** The first line of `docker --version`, or `undefined` where that CLI is not installed. */
export function cliVersion(cli: CliName): string | undefined {
  try {
    const output = new Deno.Command(pathOf(cli), { args: ["--version"], stderr: "null" })
      .outputSync();
    return new TextDecoder().decode(output.stdout).trim();
  } catch {
    return undefined; // not installed
  }
}
