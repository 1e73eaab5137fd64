/** Connections that something on the way has forgotten, and says so to nobody, while others come through. */
import { startAgent } from "../support/agent.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import type { Rig } from "../support/rig.ts";
import { RigDoor } from "../support/rig_door.ts";

const test = await endToEnd();
const CHAIN = "rda-forgotten";
/** What the system takes to repeat itself often enough, and more. */
const PATIENCE_MS = 120_000;

/** The ports of those who are connected to a port of the remote host. */
async function clientsOf(rig: Rig, port: number): Promise<number[]> {
  const table = await rig.verb("exec", "cat", "/proc/net/tcp");
  return table.split("\n").flatMap((line) => {
    const [, local = "", remote = "", state] = line.trim().split(/\s+/);
    const portOf = (address: string) => parseInt(address.split(":")[1] ?? "", 16);
    return state === "01" && portOf(local) === port ? [portOf(remote)] : [];
  });
}

/** From now on nothing comes through between a port and those who are connected to it, either way. */
async function forget(rig: Rig, port: number): Promise<AsyncDisposable> {
  const rules = (await clientsOf(rig, port)).flatMap((client) => [
    `iptables -A ${CHAIN} -p tcp --sport ${client} --dport ${port} -j DROP`,
    `iptables -A ${CHAIN} -p tcp --sport ${port} --dport ${client} -j DROP`,
  ]);
  const sides = ["INPUT", "OUTPUT"];
  const hook = sides.map((side) => `iptables -I ${side} -j ${CHAIN}`);
  const unhook = sides.map((side) => `iptables -D ${side} -j ${CHAIN}`);
  const all = [`iptables -N ${CHAIN}`, ...rules, ...hook];
  await rig.verb("exec", "sh", "-ec", all.join("; "));
  const undo = [...unhook, `iptables -F ${CHAIN}`, `iptables -X ${CHAIN}`];
  return {
    [Symbol.asyncDispose]: async () => void await rig.verb("exec", "sh", "-c", undo.join("; ")),
  };
}

test.bare(
  "a command whose connection was forgotten on the way is told so, and others go on",
  { agentOnly: true },
  async (rig) => {
    await using door = await RigDoor.open(rig, { port: 8464, gateway: true });
    await using agent = await startAgent(rig, door.flags);
    await using docker = await agent.docker(defaultCli());
    await using direct = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
    const id = await direct.ok(["run", "-d", "bb", "sleep", "600"]);
    try {
      await using exec = docker.spawn(["exec", "-i", id, "cat"]);
      await exec.write("one\n");
      await exec.waitFor(/one/);
      await using _forgotten = await forget(rig, door.port);
      await exec.write("two\n");
      await agent.waitForLog(/A connection to the remote host is dead/, PATIENCE_MS);
      assertEquals(await exec.wait(), 1);
      assertMatch(exec.stderr, /the connection to the remote host was lost/);
      assertEquals((await docker.run(["ps"], { timeoutMs: PATIENCE_MS })).code, 0);
    } finally {
      await direct.run(["rm", "-f", id]);
    }
  },
);
