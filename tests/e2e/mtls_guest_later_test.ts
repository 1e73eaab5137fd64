/** A guest behind a gateway that comes after the agent, goes, and comes back: nothing is started anew. */
import { type Agent, cleanEnvironment, flagList, rigFlags, startAgent } from "../support/agent.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { RawClient, socksReply } from "../support/bridge.ts";
import { runCommand } from "../support/child.ts";
import { uniqueName } from "../support/compare.ts";
import type { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { folder, stateVars, untilText } from "../support/folders.ts";
import { until } from "../support/poll.ts";
import { freePort } from "../support/free_ports.ts";
import { programCommand } from "../support/program.ts";
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
  });
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
  await until("nothing is missing", async () => await warningsOf(docker) === "");
  await everythingWorks(docker);
  await agent.waitForLog(/Containers reach/);
  const doors = [22, PORT, PORT + 100];
  await askFromContainers(rig, agent, { port: server.port, doors });

  await door.guest.stop();
  await untilTold(docker, NO_PORTS);
  await agent.waitForLog(/The guest of mtls:.* is gone/);
  assertEquals(
    await docker.ok(["run", "--rm", "bb", "echo", "still an engine"]),
    "still an engine",
  );

  await door.guest.start();
  await until("nothing is missing", async () => await warningsOf(docker) === "");
  await everythingWorks(docker);
});

/** The beginning of what a server behind a local port says; nothing where the client is reset. */
async function greeting(port: number): Promise<string> {
  using client = await RawClient.open(port);
  const bytes = await client.read(4).catch(() => []);
  return String.fromCharCode(...bytes);
}

/** The status with which an HTTP proxy answers CONNECT. */
async function connectStatus(port: number, to: string): Promise<string> {
  using client = await RawClient.open(port);
  await client.write(...new TextEncoder().encode(`CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`));
  return String.fromCharCode(...await client.read(12)).slice(9);
}

/** What `status`, `forwards` and `doctor` say to the user of an agent. */
async function told(flags: readonly string[]): Promise<Record<string, string>> {
  const env = { ...cleanEnvironment(), ...vars };
  const [program, ...first] = programCommand();
  const ask = async (...args: string[]) =>
    (await runCommand(program, [...first, ...args], { env })).stdout;
  return {
    status: await ask("status"),
    forwards: await ask("forwards"),
    doctor: await ask("doctor", ...flags),
  };
}

test.bare(
  "forwards and proxies are there before the guest, and lead on as soon as it is",
  agentOnly,
  async (rig) => {
    await using door = await RigDoor.open(rig, { port: PORT, gateway: true, later: true });
    const [forward, socks, http] = [freePort(), freePort(), freePort()];
    const sshd = { host: "127.0.0.1", port: 22 };
    const flags = {
      ...door.flags,
      forward: `${forward}:127.0.0.1:22`,
      socks: `127.0.0.1:${socks}`,
      "http-proxy": `127.0.0.1:${http}`,
    };
    await using agent = await startAgent(rig, flags, vars);
    const all = async () => [
      await greeting(forward),
      await socksReply(socks, sshd),
      await socksReply(socks, { host: "0.0.0.0", port: 0 }, 3),
      await connectStatus(http, "127.0.0.1:22"),
    ];
    const away = ["", 3, 7, "503"];
    const there = ["SSH-", 0, 0, "200"];
    const doctorFlags = flagList(rigFlags(rig, flags));

    assertEquals(await all(), away);
    await agent.waitForLog(/Waiting for a guest of the remote host: .*/);
    const { output } = await agent.logUntilNow();
    const waits = output.match(/Waiting for a guest of the remote host: .*/g) ?? [];
    assertEquals(waits.length, 1);
    assertMatch(
      waits[0] ?? "",
      /published ports, --forward .*, --socks .*, --http-proxy .*: .*guest/,
    );
    await agent.waitForLog(
      /Refused a client: Cannot reach .*127.0.0.1:22.*cannot reach the guest/,
    );
    const before = await told(doctorFlags);
    assertMatch(before.status ?? "", /ports wait for a guest: .*\n(.*\n)*.*, waiting$/m);
    assertEquals(before.forwards?.match(/ waiting$/gm)?.length, 3);
    assertMatch(before.doctor ?? "", /^warn +guest +.*--socks .*wait for a guest/m);

    await door.guest.start();
    await until("all leads on", async () => `${await all()}` === `${there}`);
    const after = await told(doctorFlags);
    assertEquals(after.forwards?.match(/ live$/gm)?.length, 3);
    assertMatch(after.doctor ?? "", /^ok +guest /m);

    using open = await RawClient.open(forward);
    await open.read(4);
    await door.guest.stop();
    while ((await open.read(1024).catch(() => [])).length > 0);
    await until("the agent has noticed", async () => `${await all()}` === `${away}`);

    await door.guest.start();
    await until("all is back", async () => `${await all()}` === `${there}`);
  },
);
