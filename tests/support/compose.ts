/**
 * Compose through the agent, as its users have it: the plugin of the docker CLI where that has one, else
 * the `docker-compose` 1.29 of Debian 12, which the rig installs where it is missing. (1.29 cannot
 * recreate containers of an engine from 25 on.)
 */
import { Child, type Finished, runCommand } from "./child.ts";
import type { Bench } from "./e2e.ts";

const PROGRAM = "/usr/bin/docker-compose";
/** One of several containers on a slow machine takes its time. */
const TIMEOUT_MS = 300_000;

/** One project: its name and its file. */
export class Compose {
  readonly #bench: Bench;
  readonly #program: string;
  readonly #args: readonly string[];

  private constructor(bench: Bench, program: string, args: readonly string[]) {
    this.#bench = bench;
    this.#program = program;
    this.#args = args;
  }

  /** The project `name` of the file at `path`. */
  static async of(bench: Bench, name: string, path: string): Promise<Compose> {
    const project = ["-p", name, "-f", path];
    const { docker } = bench;
    if (docker.hasPlugins) return new Compose(bench, docker.path, ["compose", ...project]);
    const there = await Deno.stat(PROGRAM).then(() => true, () => false);
    if (!there) await bench.rig.verb("pkg", "docker-compose");
    return new Compose(bench, PROGRAM, project);
  }

  /** Runs to the end, whatever the exit code. */
  run(args: readonly string[]): Promise<Finished> {
    const env = this.#bench.docker.env();
    return runCommand(this.#program, [...this.#args, ...args], { env, timeoutMs: TIMEOUT_MS });
  }

  /** Starts one that goes on. */
  spawn(...args: string[]): Child {
    return new Child(this.#program, [...this.#args, ...args], { env: this.#bench.docker.env() });
  }

  /** Runs to the end; throws unless the exit code is 0. Returns standard output, trimmed. */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code === 0) return stdout.trim();
    throw new Error(`"compose ${args.join(" ")}" ends with ${code}: ${stderr.trim() || stdout}`);
  }
}
