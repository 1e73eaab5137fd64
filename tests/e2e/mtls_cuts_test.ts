/** Streams that something between the agent and a gateway or guest cuts off, while the rest goes on. */
import { assertEquals, assertMatch, assertNotEquals } from "../support/assert.ts";
import { startAgent } from "../support/agent.ts";
import { Cutter } from "../support/cutter.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { folder } from "../support/folders.ts";
import { until } from "../support/poll.ts";
import type { Rig } from "../support/rig.ts";
import { RigDoor } from "../support/rig_door.ts";

const test = await endToEnd();
const agentOnly = true;
/** Says something again and again until it may go on: that is how its connection is known. */
const TICK = "until [ -e /tmp/go ]; do echo tick; usleep 20000; done";

interface Cuttable {
  readonly docker: DockerCli;
  readonly direct: DockerCli;
  readonly line: Cutter;
  /** A container that does nothing. */
  readonly id: string;
}

/** An agent whose every connection can be cut. */
async function withLine(
  rig: Rig,
  gateway: boolean,
  body: (bench: Cuttable) => Promise<void>,
): Promise<void> {
  await using door = await RigDoor.open(rig, { port: gateway ? 8461 : 8462, gateway });
  await using line = await Cutter.open({ host: rig.address, port: door.port });
  const endpoint = { [gateway ? "mtls-endpoint" : "ts-server"]: `127.0.0.1:${line.port}` };
  await using agent = await startAgent(rig, { ...door.flags, ...endpoint });
  await using docker = await agent.docker(defaultCli());
  await using direct = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
  const id = await direct.ok(["run", "-d", "bb", "sleep", "600"]);
  try {
    await body({ docker, direct, line, id });
  } catch (error) {
    console.log(agent.logSoFar.lines.slice(-40).join("\n"));
    throw error;
  } finally {
    await direct.run(["rm", "-f", id]);
  }
}

for (const gateway of [true, false]) {
  const way = gateway ? "through a gateway" : "through a guest";

  test.bare(
    `${way}: an exec that is cut off says so and fails`,
    { agentOnly },
    (rig) =>
      withLine(rig, gateway, async ({ docker, line, id }) => {
        for (const how of ["fin", "reset"] as const) {
          await using exec = docker.spawn(["exec", id, "sh", "-c", TICK]);
          await exec.waitFor(/tick/);
          await line.cutBusy(how);
          assertEquals(await exec.wait(), 1, how);
          assertMatch(exec.stderr, /the connection to the remote host was lost/);
          assertEquals((await docker.run(["ps"])).code, 0);
        }
      }),
  );
}

test.bare(
  "an exec whose last output is lost fails, though it ended well",
  { agentOnly },
  (rig) =>
    withLine(rig, true, async ({ docker, direct, line, id }) => {
      const script = `${TICK}; echo last; touch /tmp/done`;
      await using exec = docker.spawn(["exec", id, "sh", "-c", script]);
      await exec.waitFor(/tick/);
      const cut = await line.stopBusy();
      await direct.ok(["exec", id, "touch", "/tmp/go"]);
      const isDone = async () => (await direct.run(["exec", id, "ls", "/tmp/done"])).code === 0;
      await until("the command is done", isDone);
      await until("it has ended", async () => !(await direct.ok(["top", id])).includes("usleep"));
      cut("fin");
      assertEquals(await exec.wait(), 1);
      assertMatch(exec.stderr, /before all output of the command had come/);
    }),
);

test.bare(
  "a run whose last output is lost does not end with 0",
  { agentOnly },
  (rig) =>
    withLine(rig, true, async ({ docker, direct, line }) => {
      for (const [code, expected] of [[0, 125], [5, 5]]) {
        const name = `cut-${Deno.pid}-${code}`;
        const script = `${TICK}; echo last; exit ${code}`;
        await using run = docker.spawn(["run", "--name", name, "bb", "sh", "-c", script]);
        try {
          await run.waitFor(/tick/);
          const cut = await line.stopBusy();
          await direct.ok(["exec", name, "touch", "/tmp/go"]);
          cut("reset");
          assertEquals(await run.wait(), expected);
          assertMatch(run.stderr, /the connection to the remote host was lost/);
        } finally {
          await direct.run(["rm", "-f", name]);
        }
      }
    }),
);

test.bare(
  "logs -f, wait and cp: what is cut goes on, or is cut here too",
  { agentOnly },
  (rig) =>
    withLine(rig, true, async ({ docker, direct, line, id }) => {
      const count = "i=0; until [ -e /tmp/stop ]; do echo line $i; i=$((i+1)); usleep 20000; done";
      const counting = await direct.ok(["run", "-d", "bb", "sh", "-c", count]);
      try {
        await using logs = docker.spawn(["logs", "-f", counting]);
        await using waiting = docker.spawn(["wait", counting]);
        for (const [at, how] of [[20, "fin"], [80, "reset"]] as const) {
          await logs.waitFor(new RegExp(`line ${at}\\b`));
          await line.cutBusy(how);
        }
        await direct.ok(["exec", counting, "touch", "/tmp/stop"]);
        assertEquals(await logs.wait(), 0);
        const lines = logs.stdout.trim().split("\n");
        const { length } = (await direct.ok(["logs", counting])).split("\n");
        assertEquals(lines, Array.from({ length }, (_, number) => `line ${number}`));
        assertEquals([await waiting.wait(), waiting.stdout], [0, "0\n"]);
      } finally {
        await direct.run(["rm", "-f", counting]);
      }
      await direct.ok(["exec", id, "sh", "-c", "dd if=/dev/urandom of=/tmp/big bs=1M count=64"]);
      await using scratch = await folder();
      for (const how of ["fin", "reset"] as const) {
        const go = `${scratch.path}/${how}`;
        const hold = `head -c 1000000; until [ -e '${go}' ]; do sleep 0.1; done; cat`;
        const reading = docker.shell(`docker cp ${id}:/tmp/big - | { ${hold}; } | wc -c`);
        await line.cutLarge(2_000_000, how);
        await Deno.writeTextFile(go, "");
        assertNotEquals((await reading).code, 0);
      }
    }),
);
