/** Agents that are killed and links that are cut in the middle: nothing is torn, nothing is lost. */
import { type Agent, startAgent } from "../support/agent.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import type { Child } from "../support/child.ts";
import { uniqueName } from "../support/compare.ts";
import { type Bench, defaultCli, endToEnd } from "../support/e2e.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { folder, names, stateVars, textOf, untilText, write } from "../support/folders.ts";
import { until } from "../support/poll.ts";
import { cleanup } from "../support/published.ts";
import type { Rig } from "../support/rig.ts";

const test = await endToEnd();
const vars = await stateVars();
const SYNC_ROOT = "/srv/dev/rda-faults";
const flags = { "sync-root": SYNC_ROOT };

/** A CLI in front of an agent that a test may replace by another one. */
async function withAgent<T>(
  rig: Rig,
  work: (docker: DockerCli, agent: Agent) => Promise<T>,
): Promise<T> {
  await using agent = await startAgent(rig, flags, vars);
  await using docker = await agent.docker(defaultCli());
  return await work(docker, agent);
}

/** What nothing makes smaller, and a rate at which it is under way for longer than any look takes. */
const NOISE_BYTES = 24 * 1024 * 1024;
const NOISE_RATE = "6mbit";

function writeNoise(path: string, bytes = NOISE_BYTES): void {
  const noise = new Uint8Array(bytes);
  for (let at = 0; at < noise.length; at += 65_536) {
    crypto.getRandomValues(noise.subarray(at, at + 65_536));
  }
  Deno.writeFileSync(path, noise);
}

/** Whether the remote copies hold a file of this name, wherever. */
async function isThere(rig: Rig, name: string): Promise<boolean> {
  const command = `find ${SYNC_ROOT} -name ${name} 2>/dev/null || true`;
  return (await rig.verb("exec", "sh", "-c", command)).trim() !== "";
}

test.bare("killed in the middle of an upload: it goes on, and no file is torn", {
  agentOnly: true,
}, async (rig) => {
  await using src = await folder();
  const size = 400_000;
  for (let i = 0; i < 100; i++) writeNoise(`${src.path}/f${i}`, size);
  const run = ["run", "--rm", "-v", `${src.path}:/app`, "bb"];
  await rig.verb("shape", "rate", "80mbit");
  try {
    await withAgent(rig, async (docker, agent) => {
      const first = docker.spawn([...run, "true"]);
      await until("a part has arrived", () => isThere(rig, "'f*'"), { everyMs: 20 });
      agent.kill("SIGKILL");
      await first.wait();
    });
  } finally {
    await rig.verb("unshape");
  }
  const before = names(src.path);
  await withAgent(rig, async (docker) => {
    const sums = await docker.ok([...run, "sh", "-c", "cd /app && md5sum *"], {
      timeoutMs: 300_000,
    });
    const local = new Deno.Command("sh", { args: ["-c", "md5sum *"], cwd: src.path }).outputSync();
    const lines = (text: string) => text.trim().split("\n").sort();
    assertEquals(lines(sums), lines(new TextDecoder().decode(local.stdout)));
  });
  assertEquals(names(src.path), before);
});

test.bare("killed while a container writes: the next agent brings it home", {
  agentOnly: true,
}, async (rig) => {
  await using src = await folder({ "a.txt": "one" });
  await using direct = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
  const name = uniqueName("orphan");
  await using _ = cleanup(direct, [name]);
  const script =
    "i=0; while [ ! -e /app/stop ]; do i=$((i+1)); echo $i >/app/f$i; sleep 0.01; done";
  await withAgent(rig, async (docker, agent) => {
    const run = ["run", "-d", "--name", name, "-v", `${src.path}:/app`, "bb", "sh", "-c", script];
    await docker.ok(run);
    await until("files come home", () => names(src.path).length > 5);
    agent.kill("SIGKILL");
    await agent.wait();
  });
  // Both sides go on while nobody looks, and the container ends.
  await direct.ok(["exec", name, "sh", "-c", "echo late >/app/late; touch /app/stop"]);
  await direct.ok(["wait", name]);
  await write(src.path, { "a.txt": "two" });
  await withAgent(rig, async (docker) => {
    await untilText(`${src.path}/late`, "late\n");
    assertEquals(
      await docker.ok(["inspect", "-f", "{{(index .Mounts 0).Source}}", name]),
      src.path,
    );
    await Deno.remove(`${src.path}/stop`);
    await docker.ok(["start", name]);
    assertEquals(await docker.ok(["exec", name, "cat", "/app/a.txt"]), "two");
    await docker.ok(["exec", name, "touch", "/app/stop"]);
    await docker.ok(["wait", name]);
    const inside = await docker.ok(["run", "--rm", "--volumes-from", name, "bb", "ls", "/app"]);
    // What the killed agent was writing just then is cleared away by and by, and nobody takes it over.
    const here = names(src.path).filter((each) => !/^\.rda-sync-\w+\.tmp$/.test(each));
    assertEquals(inside.split("\n").sort(), here);
  });
  for (const file of names(src.path).filter((each) => /^f\d+$/.test(each))) {
    assertEquals(await textOf(`${src.path}/${file}`), `${file.slice(1)}\n`);
  }
});

/** What becomes of `args`, a run with a folder that takes long to get there, once a part of it has. */
async function whileTravelling(
  { docker, rig }: Bench,
  args: readonly string[],
  body: (run: Child) => Promise<void>,
): Promise<void> {
  await rig.verb("shape", "rate", NOISE_RATE);
  try {
    await using run = docker.spawn(args);
    await until("a part has arrived", () => isThere(rig, "'up.*'"), { everyMs: 20 });
    await body(run);
  } finally {
    await rig.verb("unshape");
  }
}

test("a stream lost while the folder travels: the container is not started unheard", {
  agentOnly: true,
  vars,
  flags,
}, async (bench) => {
  const { docker, direct, rig } = bench;
  await using src = await folder();
  writeNoise(`${src.path}/big`);
  const name = uniqueName("unheard");
  await using _ = cleanup(direct, [name]);
  const mount = ["-v", `${src.path}:/app`];
  const run = ["run", "--rm", "--name", name, ...mount, "bb", "wc", "-c", "/app/big"];
  await whileTravelling(bench, run, async (first) => {
    await rig.verb("drop-sessions");
    assertEquals(await first.wait(), 125);
    // As soon as the loss is noticed, or when the folder cannot be synced because of it.
    assertMatch(first.stderr, /lost before the container was started|cannot sync the bind mounts/);
  });
  await until("the container is gone", async () => {
    return await direct.ok(["ps", "-aq", "--filter", `name=${name}`]) === "";
  });
  assertEquals(await docker.ok(run), `${NOISE_BYTES} /app/big`);
});

test("a client that goes while the folder travels leaves no container behind", {
  agentOnly: true,
  vars,
  flags,
}, async (bench) => {
  const { direct } = bench;
  await using src = await folder();
  writeNoise(`${src.path}/big`);
  const name = uniqueName("gone");
  await using _ = cleanup(direct, [name]);
  const args = ["run", "--rm", "--name", name, "-v", `${src.path}:/app`, "bb"];
  await whileTravelling(bench, args, async (run) => {
    run.kill("SIGKILL");
    await run.wait();
  });
  await until("the container is gone", async () => {
    return await direct.ok(["ps", "-aq", "--filter", `name=${name}`]) === "";
  });
});

test("a cut link: both sides go on, and are equal when it is back", {
  agentOnly: true,
  vars,
  flags,
}, async ({ docker, direct, rig, agent }) => {
  await using src = await folder({ "a.txt": "one", "b.txt": "two" });
  const name = uniqueName("cut");
  await using _ = cleanup(direct, [name]);
  const args = ["run", "-d", "--name", name, "-v", `${src.path}:/app`, "bb", "sleep", "600"];
  await docker.ok(args);
  await rig.verb("drop-sessions");
  await rig.verb("cut");
  try {
    await write(src.path, { "a.txt": "mine", "new/here": "x" });
    await direct.ok(["exec", name, "sh", "-c", "echo theirs >/app/b.txt; mkdir /app/there"]);
  } finally {
    await rig.verb("heal");
  }
  await agent.waitForLog(/Connected again/);
  await untilText(`${src.path}/b.txt`, "theirs\n");
  await until("the local edits are there", async () => {
    const { stdout } = await direct.run(["exec", name, "cat", "/app/a.txt", "/app/new/here"]);
    return stdout === "minex";
  });
  assertEquals(names(src.path), ["a.txt", "b.txt", "new", "there"]);
});
