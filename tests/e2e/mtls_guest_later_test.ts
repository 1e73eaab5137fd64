/** A guest behind a gateway that comes after the agent, goes, and comes back: nothing is started anew. */
import { type Agent, startAgent } from "../support/agent.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import type { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { folder, stateVars, untilText } from "../support/folders.ts";
import { until } from "../support/poll.ts";
import { freePort } from "../support/free_ports.ts";
import { cleanup, fetchPort, webOn } from "../support/published.ts";
import { askFromContainers, localServer, REVERSE_NAME } from "../support/reverse.ts";
import { RigDoor } from "../support/rig_door.ts";

const test = await endToEnd();
const agentOnly = { agentOnly: true };
const vars = await stateVars();
const PORT = 8456;
const NO_PORTS = /WARNING: Published ports cannot be reached from here: .*cannot reach the guest/;

/** Creates a container that would need the guest; what the user is told. */
async function warningsOf(docker: DockerCli): Promise<string> {
  await using src = await folder({ "in.txt": "from here" });
  const name = uniqueName("plain");
  await using _ = cleanup(docker, [name]);
  const wants = ["-p", `${freePort()}:80`, "-v", `${src.path}:/app`];
  const { code, stderr } = await docker.run(["create", "--name", name, ...wants, "bb", "true"]);
  assertEquals(code, 0, stderr);
  return stderr;
}

/** A port and a folder, both of them ours. */
async function everythingWorks(docker: DockerCli): Promise<void> {
  await using src = await folder({ "in.txt": "from here" });
  const [name, port] = [uniqueName("full"), freePort()];
  await using _ = cleanup(docker, [name]);
  const wants = ["-p", `${port}:80`, "-v", `${src.path}:/app`];
  const script = `cp /app/in.txt /app/out.txt; ${webOn(80, "$(cat /app/in.txt)")}`;
  const run = ["run", "-d", "--name", name, ...wants, "bb", "sh", "-c", script];
  const { code, stderr } = await docker.run(run);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(await fetchPort(port), "from here");
  await untilText(`${src.path}/out.txt`, "from here");
}

/** A folder needs no guest: without one it travels through the engine. */
async function folderWorks(docker: DockerCli): Promise<void> {
  await using src = await folder({ "in.txt": "from here" });
  const script = "cp /app/in.txt /app/out.txt";
  await docker.ok(["run", "--rm", "-v", `${src.path}:/app`, "bb", "sh", "-c", script]);
  await untilText(`${src.path}/out.txt`, "from here");
}

async function untilTold(docker: DockerCli, pattern: RegExp): Promise<void> {
  await until("the agent has noticed", async () => {
    const said = await warningsOf(docker);
    return pattern.test(said);
  }, { timeoutMs: 30_000 });
}

test.bare("ports and folders begin to work when the guest is there", agentOnly, async (rig) => {
  await using door = await RigDoor.open(rig, { port: PORT, gateway: true, later: true });
  await using server = localServer();
  const flags = { ...door.flags, reverse: `${REVERSE_NAME}:${server.port}` };
  await using agent: Agent = await startAgent(rig, flags, vars);
  await using docker = await agent.docker(defaultCli());
  assertMatch(await warningsOf(docker), NO_PORTS);
  await folderWorks(docker);
  await door.guest.start();
  await until("nothing is missing", async () => await warningsOf(docker) === "", {
    timeoutMs: 20_000,
  });
  await everythingWorks(docker);
  await agent.waitForLog(/Containers reach/, 45_000);
  const doors = [22, PORT, PORT + 100];
  await askFromContainers(rig, agent, { port: server.port, doors });

  await door.guest.stop();
  await untilTold(docker, NO_PORTS);
  assertMatch(agent.log, /The guest of mtls:.* is gone/);
  assertEquals(
    await docker.ok(["run", "--rm", "bb", "echo", "still an engine"]),
    "still an engine",
  );

  await door.guest.start();
  await until("nothing is missing", async () => await warningsOf(docker) === "", {
    timeoutMs: 20_000,
  });
  await everythingWorks(docker);
});
