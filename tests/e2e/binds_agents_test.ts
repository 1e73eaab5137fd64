/** Several agents of one user, one after another or at once: no folder is worked on by two. */
import { type Agent, startAgent } from "../support/agent.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { folder, names, stateVars, untilText, write } from "../support/folders.ts";
import { until } from "../support/poll.ts";
import { cleanup } from "../support/published.ts";
import type { Rig } from "../support/rig.ts";

const test = await endToEnd();
const vars = await stateVars();
const flags = { "sync-root": "/srv/dev/rda-agents" };
const agentOnly = true;
const MEGABYTE = 1_000_000;

async function withAgent<T>(
  rig: Rig,
  work: (docker: DockerCli, agent: Agent) => Promise<T>,
): Promise<T> {
  await using agent = await startAgent(rig, flags, vars);
  await using docker = await agent.docker(defaultCli());
  return await work(docker, agent);
}

test.bare("two agents on one state: one works on a folder, the other says so and takes over", {
  agentOnly,
}, async (rig) => {
  await using src = await folder({ "a.txt": "one" });
  await using direct = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
  const name = uniqueName("shared");
  await using _ = cleanup(direct, [name]);
  // They find each other as the programs of one user do.
  await using runtime = await folder({});
  const together = { ...vars, XDG_RUNTIME_DIR: runtime.path };
  await using first = await startAgent(rig, flags, together);
  await using second = await startAgent(rig, flags, together);
  await using mine = await first.docker(defaultCli());
  await using other = await second.docker(defaultCli());
  const mount = ["-v", `${src.path}:/app`, "bb"];
  await mine.ok(["run", "-d", "--name", name, ...mount, "sleep", "600"]);
  const refused = await other.run(["run", "--rm", ...mount, "true"]);
  assertEquals(refused.code, 125, refused.stderr);
  assertStringIncludes(
    refused.stderr,
    `"${src.path}" is kept in sync by another program (process ${first.pid})`,
  );
  // What it says of itself is one line, however often it tries.
  await second.waitForLog(/The sync of a folder has stopped: .*kept in sync by another program/);
  await write(src.path, { "b.txt": "both are awake" });
  assertEquals(await mine.ok(["exec", name, "cat", "/app/b.txt"]), "both are awake");
  // A command through the other one finds what was saved, and brings home what it has written.
  await write(src.path, { "d.txt": "saved" });
  const command = "cat /app/d.txt; rm /app/d.txt; echo heard >/app/e.txt";
  assertEquals(await other.ok(["exec", name, "sh", "-c", command]), "saved");
  assertEquals(names(src.path), ["a.txt", "b.txt", "e.txt"]);
  await Deno.remove(`${src.path}/e.txt`);
  assertEquals(await other.ok(["exec", name, "ls", "/app"]), "a.txt\nb.txt");
  const { output: said } = await second.logUntilNow();
  assertEquals(said.match(/are not in sync/), null);
  assertEquals(said.match(/The sync of a folder has stopped/g)?.length, 1);
  first.kill("SIGKILL");
  await first.wait();
  await write(src.path, { "a.txt": "two" });
  await until("the other one takes over", async () => {
    const { stdout } = await direct.run(["exec", name, "cat", "/app/a.txt"]);
    return stdout === "two";
  });
  await direct.ok(["exec", name, "sh", "-c", "echo there >/app/c.txt"]);
  await untilText(`${src.path}/c.txt`, "there\n");
  assertEquals(await other.ok(["run", "--rm", ...mount, "ls", "/app"]), "a.txt\nb.txt\nc.txt");
});

test.bare("killed in the middle of a download: the next agent completes it, no file is torn", {
  agentOnly,
}, async (rig) => {
  await using src = await folder({ "old": "old" });
  const script = "cd /app; echo new >old; for i in 1 2 3 4; do " +
    "head -c 5000000 /dev/urandom >big$i; done; md5sum big* >sums";
  await using direct = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
  const name = uniqueName("loader");
  await using _ = cleanup(direct, [name]);
  await rig.verb("shape", "rate", "60mbit");
  try {
    await withAgent(rig, async (docker, agent) => {
      const run = ["run", "--name", name, "-v", `${src.path}:/app`, "bb", "sh", "-c", script];
      const running = docker.spawn(run);
      await until("a part is here", () => temporaryBytes(src.path) > MEGABYTE, { everyMs: 10 });
      agent.kill("SIGKILL");
      await running.wait();
    });
  } finally {
    await rig.verb("unshape");
  }
  for (const file of names(src.path).filter((each) => each.startsWith("big"))) {
    assertEquals((await Deno.stat(`${src.path}/${file}`)).size, 5 * MEGABYTE, file);
  }
  await withAgent(rig, async () => {
    await until("all is here", () => names(src.path).includes("sums"));
    await until("nothing is left of the other agent", () => names(src.path).length === 6);
  });
  const check = new Deno.Command("md5sum", { args: ["-c", "--quiet", "sums"], cwd: src.path });
  assertEquals(check.outputSync().code, 0);
  await untilText(`${src.path}/old`, "new\n");
});

test.bare("a folder that is mounted after one inside it: all see the same files", {
  agentOnly,
}, async (rig) => {
  await using src = await folder({ "a.txt": "a", "sub/b.txt": "b" });
  const pair = [uniqueName("inner"), uniqueName("outer")] as const;
  await withAgent(rig, async (docker) => {
    await using _ = cleanup(docker, [...pair]);
    const run = (name: string, from: string) =>
      docker.ok(["run", "-d", "--name", name, "-v", `${from}:/app`, "bb", "sleep", "600"]);
    await run(pair[0], `${src.path}/sub`);
    await run(pair[1], src.path);
    const sh = (name: string, script: string) => docker.ok(["exec", name, "sh", "-c", script]);
    await sh(pair[0], "echo inner >/app/from-inner; echo b2 >/app/b.txt");
    await until("the outer one sees it", async () => {
      const { stdout } = await docker.run(["exec", pair[1], "cat", "/app/sub/from-inner"]);
      return stdout === "inner\n";
    });
    assertEquals(await sh(pair[1], "cat /app/sub/b.txt"), "b2");
    await sh(pair[1], "echo outer >/app/sub/from-outer; rm /app/sub/from-inner");
    await until("the inner one sees it", async () => {
      const { stdout } = await docker.run(["exec", pair[0], "ls", "/app"]);
      return stdout === "b.txt\nfrom-outer\n";
    });
    // Who comes now shares a copy that is there.
    const later = ["run", "--rm", "-v", `${src.path}/sub:/app`, "bb", "ls", "/app"];
    assertEquals(await docker.ok(later), "b.txt\nfrom-outer");
  });
  assertEquals(names(`${src.path}/sub`), ["b.txt", "from-outer"]);
  const conflicts = new Deno.Command("find", {
    args: [vars["XDG_STATE_HOME"] ?? "", "-path", "*/conflicts/*"],
  });
  assertEquals(new TextDecoder().decode(conflicts.outputSync().stdout), "");
});

function temporaryBytes(path: string): number {
  const temporary = names(path).filter((name) => name.endsWith(".tmp"));
  return temporary.reduce((sum, name) => {
    try {
      return sum + Deno.statSync(`${path}/${name}`).size;
    } catch {
      return sum; // it has its name now
    }
  }, 0);
}
