/** What tests of many remote hosts share: a second rig, and an agent with a configuration file. */
import { flagList, spawnAgent } from "./agent.ts";
import { runOk } from "./child.ts";
import type { Child, Finished } from "./child.ts";
import { type CliName, DockerCli } from "./docker_cli.ts";
import { defaultCli } from "./e2e.ts";
import { until } from "./poll.ts";
import { request } from "./raw_http.ts";
import { type Rig, rigDown, rigName, rigUp } from "./rig.ts";

/** The other remote host. A test file that uses it brings it up itself, and takes it down again. */
export async function secondRig(): Promise<Rig> {
  const name = `${rigName()}2`;
  const rig = await rigUp(name);
  globalThis.addEventListener("unload", () => rigDown(name));
  return rig;
}

/** An entry of a configuration file that leads to a rig; as JSON, which is YAML. */
export function hostEntry(name: string, rig: Rig, more: Record<string, unknown> = {}) {
  return {
    name,
    ssh: {
      host: `${rig.address}:${rig.port}`,
      user: rig.user,
      key: rig.key,
      known_hosts: rig.knownHosts,
      config: "none",
    },
    remote_docker: `unix://${rig.dockerSocket}`,
    ...more,
  };
}

/** An agent that serves the hosts of a file. The caller ends it with `await using`. */
export class HostsAgent implements AsyncDisposable {
  readonly directory: string;
  readonly child: Child;
  readonly #docker: DockerCli[] = [];

  private constructor(directory: string, child: Child) {
    this.directory = directory;
    this.child = child;
  }

  /** Starts one; `flags` are added. Waits until the sockets of `names` are there. */
  static async start(
    config: Record<string, unknown>,
    names: readonly string[],
    flags: Record<string, string> = {},
  ): Promise<HostsAgent> {
    const directory = await Deno.makeTempDir({ prefix: "rda-hosts-" });
    await Deno.writeTextFile(`${directory}/config.yaml`, JSON.stringify(config));
    const args = ["start", ...flagList({ config: `${directory}/config.yaml`, ...flags })];
    const child = spawnAgent(args, variables(directory));
    const agent = new HostsAgent(directory, child);
    try {
      await until("the sockets are there", async () => {
        for (const name of names) await Deno.lstat(agent.socket(name));
        return true;
      });
      return agent;
    } catch (error) {
      await agent[Symbol.asyncDispose]();
      throw new Error(`The agent does not start; its log:\n${child.soFar.output}`, {
        cause: error,
      });
    }
  }

  /** The private socket of a host. */
  socket(name: string): string {
    return `${this.directory}/remote-docker-agent/${name}.sock`;
  }

  /** The docker CLI in front of a host. */
  async docker(name: string, cli: CliName = defaultCli()): Promise<DockerCli> {
    const docker = await DockerCli.open(cli, `unix://${this.socket(name)}`);
    this.#docker.push(docker);
    return docker;
  }

  /** Waits until a host answers. */
  async answers(name: string): Promise<void> {
    await until(
      `${name} answers`,
      async () => (await request(this.socket(name), "GET /_ping")).status === 200,
    );
  }

  /** Writes the file anew, as an editor does. */
  async write(text: string): Promise<void> {
    await Deno.writeTextFile(`${this.directory}/config.new`, text);
    await Deno.rename(`${this.directory}/config.new`, `${this.directory}/config.yaml`);
  }

  /** Runs another command of the same user to its end. */
  async run(args: readonly string[], vars: Record<string, string> = {}): Promise<Finished> {
    await using child = spawnAgent(args, { ...variables(this.directory), ...vars });
    const code = await child.wait();
    return { code, stdout: child.stdout, stderr: child.stderr };
  }

  /** Starts another command of the same user that goes on. */
  spawn(args: readonly string[]): Child {
    return spawnAgent(args, variables(this.directory));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
    for (const docker of this.#docker) await docker[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}

function variables(directory: string): Record<string, string> {
  return { XDG_RUNTIME_DIR: directory, XDG_STATE_HOME: `${directory}/state`, HOME: directory };
}

/** Removes containers that a test has left on a rig. */
export async function removeContainers(rig: Rig): Promise<void> {
  const line = "docker ps -aq | xargs -r docker rm -f";
  await runOk("/bin/sh", ["-c", line], {
    env: { PATH: Deno.env.get("PATH") ?? "", DOCKER_HOST: `unix://${rig.directSocket}` },
  });
}
