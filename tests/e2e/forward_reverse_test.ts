/** Containers reach a port of this machine (`--reverse`), whatever sshd allows. */
import type { Forwards } from "../../lib/ops/forwards.ts";
import type { ForwardDetails } from "../../lib/ops/sources/source.ts";
import { type Agent, spawnAgent, startAgent } from "../support/agent.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { endToEnd } from "../support/e2e.ts";
import { askFromContainers, localServer, REVERSE_NAME } from "../support/reverse.ts";
import type { Rig } from "../support/rig.ts";

const test = await endToEnd();
const agentOnly = { agentOnly: true };

/** The one forward that `forwards` tells of. */
async function listed({ runtimeDirectory, pid }: Agent): Promise<ForwardDetails> {
  await using command = spawnAgent(["forwards", "--json"], { XDG_RUNTIME_DIR: runtimeDirectory });
  assertEquals(await command.wait(), 0, command.output);
  const found: Forwards[] = JSON.parse(command.stdout);
  const [forward, ...more] = found.find((each) => each.pid === pid)?.forwards ?? [];
  assert(forward !== undefined && more.length === 0, command.output);
  assertEquals([forward.kind, forward.container], ["reverse", forward.requested]);
  return forward;
}

/** Before and after the connection was lost. */
async function ask(rig: Rig): Promise<void> {
  await using server = localServer();
  const { port } = server;
  await using agent = await startAgent(rig, { reverse: `${REVERSE_NAME}:${port}` });
  const lose = async () => {
    const { state, remote, local, connections } = await listed(agent);
    assertEquals([state, local], ["live", `127.0.0.1:${port}`]);
    assertMatch(remote, new RegExp(`^[\\d.]+:${port}$`));
    assertEquals(connections.total, 1);
    await rig.verb("drop-sessions");
  };
  await askFromContainers(rig, agent, { port, doors: [22], lose });
}

test.bare("through perl, where sshd listens on loopback only", agentOnly, async (rig) => {
  await rig.verb("perl");
  try {
    await ask(rig);
  } finally {
    await rig.verb("no-perl");
  }
});

test.bare("through sshd itself, where GatewayPorts allows it", agentOnly, async (rig) => {
  const config = `${rig.root}/etc/ssh/sshd_config`;
  const before = await Deno.readTextFile(config);
  await Deno.writeTextFile(config, `GatewayPorts clientspecified\n${before}`);
  await rig.verb("restart-sshd");
  try {
    await ask(rig);
  } finally {
    await Deno.writeTextFile(config, before);
    await rig.verb("restart-sshd");
  }
});

test.bare("with neither: the log says what to do", agentOnly, async (rig) => {
  await using server = localServer();
  await using agent = await startAgent(rig, { reverse: `${REVERSE_NAME}:${server.port}` });
  const [line] = await agent.waitForLog(/Containers cannot reach.*/);
  assertStringIncludes(line, "GatewayPorts clientspecified");
  assert(line.includes("python3"), line);
  const { state, remote } = await listed(agent);
  assertEquals([state, remote], ["reserved", ""]);
});
