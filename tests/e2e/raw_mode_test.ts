/** Raw mode: the pure byte relay, started with the command lines its users know. */
import { assertEquals } from "../support/assert.ts";
import { spawnAgent } from "../support/agent.ts";
import type { Child } from "../support/child.ts";
import { sameAsDirect } from "../support/compare.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { request } from "../support/raw_http.ts";
import type { Rig } from "../support/rig.ts";

const test = await endToEnd();
const agentOnly = true;

/** Starts the agent as a user whose home knows the rig's host key; `args` sees that home. */
async function withRawAgent(
  rig: Rig,
  args: (home: string, socket: string) => Promise<string[]> | string[],
  body: (docker: DockerCli, agent: Child, socket: string) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "rda-raw-" });
  try {
    await Deno.mkdir(`${home}/.ssh`, { mode: 0o700 });
    await Deno.copyFile(rig.knownHosts, `${home}/.ssh/known_hosts`);
    const socket = `${home}/docker-proxy.sock`;
    await using agent = spawnAgent(await args(home, socket), { HOME: home });
    await agent.waitFor(/DOCKER_HOST/);
    await using docker = await DockerCli.open(defaultCli(), `unix://${socket}`);
    await body(docker, agent, socket);
    assertEquals(await agent.stop(), 0, agent.output);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** What any relay must get right. */
async function works(rig: Rig, docker: DockerCli, socket: string): Promise<void> {
  await using direct = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
  const both = { docker, direct };
  await sameAsDirect(both, ["version"]);
  const cat = ["run", "--rm", "-i", "bb", "sh", "-c", "cat; exit 3"];
  const echoed = await sameAsDirect(both, cat, { stdin: "hi\n" });
  assertEquals(echoed, { code: 3, stdout: "hi\n", stderr: "" });
  const all = Array.from({ length: 20 }, () => docker.run(["ps"]));
  assertEquals((await Promise.all(all)).filter(({ code }) => code !== 0), []);
  assertEquals((await request(socket, "GET /_ping")).status, 200);
}

test.bare("raw mode with single-dash flags", { agentOnly }, async (rig) => {
  const args = (_home: string, socket: string) => [
    `-ssh-user=${rig.user}`,
    `-ssh-host=${rig.address}:${rig.port}`,
    `-ssh-key=${rig.key}`,
    `-local-socket=${socket}`,
  ];
  await withRawAgent(rig, args, (docker, _agent, socket) => works(rig, docker, socket));
});

test.bare("raw mode from a configuration file", { agentOnly }, async (rig) => {
  const args = async (home: string, socket: string) => {
    const lines = [
      `local_socket: "${socket}"`,
      `ssh_user: "${rig.user}"`,
      `ssh_host: "${rig.address}:${rig.port}"`,
      `ssh_key_path: "${rig.key}"`,
      `remote_socket: "${rig.dockerSocket}"`,
      "timeout: 10s",
    ];
    await Deno.writeTextFile(`${home}/config.yaml`, lines.join("\n") + "\n");
    return [`-config=${home}/config.yaml`];
  };
  await withRawAgent(rig, args, (docker, _agent, socket) => works(rig, docker, socket));
});

test(
  "--mode raw works beside the other flags",
  { agentOnly, flags: { mode: "raw" } },
  async (b) => {
    await works(b.rig, b.docker, b.agent.socket);
  },
);
