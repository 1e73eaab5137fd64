/** `syncs`, `conflicts` and `prune` ask the agent that runs. */
import { spawnAgent } from "../support/agent.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";
import { folder, stateVars, textOf, write } from "../support/folders.ts";
import { until } from "../support/poll.ts";
import { cleanup } from "../support/published.ts";

const test = await endToEnd();
const vars = await stateVars();
const options = { agentOnly: true, vars };

/** Runs a command of the program to its end. */
async function program(...args: string[]): Promise<{ code: number; output: string }> {
  const child = spawnAgent(args, vars);
  return { code: await child.wait(), output: child.output };
}

test("syncs shows and flushes, prune removes what nobody uses", options, async ({ docker }) => {
  await using src = await folder({ "a.txt": "one" });
  const name = uniqueName("used");
  await using _ = cleanup(docker, [name]);
  const args = ["run", "-d", "--name", name, "-v", `${src.path}:/app`, "bb", "sleep", "600"];
  await docker.ok(args);
  const listed = await program("syncs", "--json");
  const [info] = JSON.parse(listed.output);
  assertEquals([info.root, info.containers, info.conflicts], [src.path, [name], 0]);
  assertEquals((await program("syncs", "pause")).code, 0);
  assertStringIncludes((await program("syncs")).output, "paused");
  assertEquals((await program("syncs", "resume", "--session", src.path)).code, 0);
  await write(src.path, { "a.txt": "two" });
  assertEquals((await program("syncs", "flush")).code, 0);
  assertEquals((await program("syncs", "flush", "--session", "nope")).code, 2);
  assertStringIncludes((await program("prune", "--dry-run")).output, "nothing to remove");

  await docker.ok(["stop", "-t", "0", name]);
  await until("nobody uses it", async () => {
    const { output } = await program("prune", "--dry-run");
    return output.includes("Would remove");
  });
  assertStringIncludes((await program("prune")).output, `of ${src.path}`);
  // The container is still there, and its copy is made again.
  await docker.ok(["start", name]);
  assertEquals(await docker.ok(["exec", name, "cat", "/app/a.txt"]), "two");
});

test("conflicts shows the version that lost, and puts it back", options, async (bench) => {
  const { docker, direct, agent } = bench;
  await using src = await folder({ "f.txt": "old" });
  const name = uniqueName("conflict");
  await using _ = cleanup(docker, [name]);
  const args = ["run", "-d", "--name", name, "-v", `${src.path}:/app`, "bb", "sleep", "600"];
  await docker.ok(args);
  agent.kill("SIGSTOP");
  try {
    await direct.ok(["exec", name, "sh", "-c", "echo theirs >/app/f.txt"]);
    await write(src.path, { "f.txt": "ours" });
  } finally {
    agent.kill("SIGCONT");
  }
  assertEquals((await program("syncs", "flush", "--session", src.path)).code, 0);
  const [conflict] = JSON.parse((await program("conflicts", "--json")).output);
  assertEquals(conflict.local, `${src.path}/f.txt`);
  const aside = `${src.path}/theirs.txt`;
  assertEquals((await program("conflicts", "--restore", conflict.id, "--to", aside)).code, 0);
  assertEquals([await textOf(aside), await textOf(`${src.path}/f.txt`)], ["theirs\n", "ours"]);
  const again = await program("conflicts", "--restore", conflict.id);
  assert(again.code === 2 && again.output.includes(conflict.id), again.output);
});
