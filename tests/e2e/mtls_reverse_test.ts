/** Containers reach a port of this machine (`--reverse`) through a guest, alone and behind a gateway. */
import { startAgent } from "../support/agent.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { endToEnd } from "../support/e2e.ts";
import { askFromContainers, localServer, REVERSE_NAME } from "../support/reverse.ts";
import { RigDoor } from "../support/rig_door.ts";

const test = await endToEnd();
const agentOnly = { agentOnly: true };
const PORT = 8454;
/** Of the guest behind the gateway. */
const INNER = PORT + 100;

test.bare("through a guest that is started anew", agentOnly, async (rig) => {
  await using door = await RigDoor.open(rig, { port: PORT });
  await using server = localServer();
  const { port } = server;
  await using agent = await startAgent(rig, {
    ...door.flags,
    reverse: `${REVERSE_NAME}:${port}`,
  });
  const lose = async () => {
    await door.guest.stop();
    await door.guest.start();
  };
  await askFromContainers(rig, agent, { port, doors: [22, PORT], lose });
});

test.bare("through a gateway", agentOnly, async (rig) => {
  await using door = await RigDoor.open(rig, { port: PORT, gateway: true });
  await using server = localServer();
  const { port } = server;
  await using agent = await startAgent(rig, {
    ...door.flags,
    reverse: `${REVERSE_NAME}:${port}`,
  });
  await askFromContainers(rig, agent, { port, doors: [22, PORT, INNER] });
});

test.bare("where the guest may not: one line says so", agentOnly, async (rig) => {
  const cases: [flag: string, message: string][] = [
    ["--allow-listen=none", "the guest of the remote host does not listen for others"],
    ["--allow-listen=tcp:127.0.0.1:*", "is not allowed"],
  ];
  for (const [flag, message] of cases) {
    await using door = await RigDoor.open(rig, { port: PORT, flags: [flag] });
    await using server = localServer();
    const flags = { ...door.flags, reverse: `${REVERSE_NAME}:${server.port}` };
    await using agent = await startAgent(rig, flags);
    const [line] = await agent.waitForLog(/Containers cannot reach.*/);
    assertStringIncludes(line, message);
    assertStringIncludes(line, "--allow-listen");
    const { output } = await agent.logUntilNow();
    assertEquals(output.match(/Containers cannot reach/g)?.length, 1);
  }
});
