/** The end of a container while its folder cannot be synced: it is over at once, and nothing is lost. */
import { startAgent } from "../support/agent.ts";
import { assertEquals } from "../support/assert.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { folder, stateVars, textOf, untilText } from "../support/folders.ts";
import { uniqueName } from "../support/compare.ts";
import { until } from "../support/poll.ts";
import { RigDoor } from "../support/rig_door.ts";

const test = await endToEnd();
const vars = await stateVars();
/** Writes a line in a moment in which nobody can fetch it, and says so. */
const WRITES = "echo one >/w/a; while [ ! -e /tmp/go ]; do usleep 20000; done; " +
  "echo two >/w/a; touch /tmp/done; sleep 600";

test.bare(
  "a guest that answers nobody does not hold up docker kill, and the writes come home later",
  { agentOnly: true },
  async (rig) => {
    await using door = await RigDoor.open(rig, { port: 8463, gateway: true });
    await using agent = await startAgent(rig, door.flags, vars);
    await using docker = await agent.docker(defaultCli());
    await using src = await folder();
    const file = `${src.path}/a`;
    const name = uniqueName("parting");
    await docker.ok([
      "run",
      "-d",
      "--name",
      name,
      "-v",
      `${src.path}:/w`,
      "bb",
      "sh",
      "-c",
      WRITES,
    ]);
    await untilText(file, "one\n");
    {
      await using _frozen = await door.guest.freeze();
      // The engine is reached past the guest, and docker exec would wait for the folder.
      const root = `/proc/${await processOf(name)}/root`;
      await rig.verb("exec", "touch", `${root}/tmp/go`);
      const isDone = () => exists(`${root}/tmp/done`);
      await until("it has written", isDone);
      await docker.ok(["kill", name], { timeoutMs: 60_000 });
      await agent.waitForLog(/The folders of container \S+ are not in sync after 10 s/);
      await docker.ok(["rm", name], { timeoutMs: 60_000 });
      assertEquals(await textOf(file), "one\n");
    }
    await untilText(file, "two\n");

    async function processOf(container: string): Promise<string> {
      return (await docker.ok(["inspect", "-f", "{{.State.Pid}}", container])).trim();
    }

    async function exists(path: string): Promise<boolean> {
      return await rig.verb("exec", "sh", "-c", `test -e ${path} && echo yes || echo no`) ===
        "yes\n";
    }
  },
);
