/**
 * Bind mounts through a gateway that offers the Docker API alone: the copies are in volumes of the engine.
 * The tests that were written for SSH are in `mtls_volumes_suites_test.ts`.
 */
import { spawnAgent } from "../support/agent.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { runOk } from "../support/child.ts";
import { uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";
import { folder, names, stateVars, textOf, untilText, write } from "../support/folders.ts";
import { goByNginx } from "../support/mtls_way.ts";
import { until } from "../support/poll.ts";
import { cleanup } from "../support/published.ts";

// The other faults are those of SSH.
let isOwn = true;
await goByNginx((test) => isOwn || test.startsWith("killed while a container writes"));
const test = await endToEnd();
const vars = await stateVars();
const options = { agentOnly: true, vars };

const HELPERS = ["ps", "-aq", "--filter", "label=remote-docker-agent.helper"];
const VOLUMES = ["volume", "ls", "-q", "--filter", "name=remote-docker-agent-"];

test(
  "a second run has the volume of the first; nobody sees how files get there",
  options,
  async (bench) => {
    const { docker, direct } = bench;
    await using src = await folder({ "a.txt": "one" });
    const before = await direct.ok(VOLUMES);
    const run = (script: string) =>
      docker.ok(["run", "--rm", "-v", `${src.path}:/app`, "bb", "sh", "-c", script]);
    assertEquals(await run("cat /app/a.txt; echo two >/app/b.txt; rm /app/a.txt"), "one");
    assertEquals(names(src.path), ["b.txt"]);
    await write(src.path, { "c.txt": "three" });
    await Deno.remove(`${src.path}/b.txt`);
    assertEquals(await run("ls /app; cat /app/c.txt"), "c.txt\nthree");
    const made = (await direct.ok(VOLUMES)).split("\n").filter((name) => !before.includes(name));
    assertEquals(made.length, 1);

    const name = uniqueName("seen");
    await using _ = cleanup(docker, [name]);
    await docker.ok(["run", "-d", "--name", name, "-v", `${src.path}:/app`, "bb", "sleep", "600"]);
    await until("files have a way", async () => await direct.ok(HELPERS) !== "");
    assertEquals(await docker.ok(HELPERS), "");
    await docker.ok(["rm", "-f", name]);
    await until("the way is closed", async () => await direct.ok(HELPERS) === "");
    const since = ["--since", "1m", "--until", "0s", "--filter", "type=container"];
    let events = "";
    // The CLI asks up to the last whole second.
    await until("the end of the last container is told", async () => {
      events = await docker.ok(["events", ...since, "--format", "{{json .}}"]);
      return events.split("\n").some((line) => line.includes(name) && line.includes("destroy"));
    });
    assert(!/remote-docker-agent-\w+-files/.test(events), events);
  },
);

test(
  "what is saved and deleted reaches a container that asks for nothing",
  options,
  async (bench) => {
    const { docker, direct } = bench;
    await using src = await folder({ "old/deep/a.txt": "a", "old/b.txt": "b", "stay": "s" });
    const name = uniqueName("live");
    await using _ = cleanup(docker, [name]);
    const script =
      "until [ -e /app/go ]; do sleep 0.1; done; while [ -e /app/old ]; do sleep 0.1; done; " +
      "echo seen >/app/seen; sleep 600";
    const run = ["run", "-d", "--name", name, "-v", `${src.path}:/app`, "bb", "sh", "-c", script];
    await docker.ok(run);
    await write(src.path, { "go": "" });
    // Somebody tidies up: the way for files is made again.
    await direct.ok(["container", "prune", "-f"]);
    await Deno.remove(`${src.path}/old`, { recursive: true });
    await untilText(`${src.path}/seen`, "seen\n");
    assertEquals(names(src.path), ["go", "seen", "stay"]);
  },
);

test("an image with one file in it and no directory", options, async ({ docker, direct }) => {
  await using src = await folder({ "in.txt": "from here" });
  await using image = await folder();
  const [source, tag] = [uniqueName("source"), uniqueName("scratch")];
  await using _ = cleanup(direct, [source]);
  await direct.ok(["create", "--name", source, "bb"]);
  await direct.ok(["cp", "-L", `${source}:/bin/busybox`, `${image.path}/busybox`]);
  const tar = `${image.path}/image.tar`;
  await runOk("tar", ["-C", image.path, "-cf", tar, "busybox"]);
  await direct.ok(["import", tar, tag]);
  const command = ["/busybox", "sh", "-c", "/busybox cat /app/in.txt >/app/out.txt"];
  await docker.ok(["run", "--rm", "-v", `${src.path}:/app`, tag, ...command]);
  assertEquals(await textOf(`${src.path}/out.txt`), "from here");
  const isGone = async () => (await direct.run(["rmi", tag])).code === 0;
  await until("the image is left", isGone);
});

test("a folder of another owner: who it belongs to writes in it", options, async ({ docker }) => {
  await using src = await folder({ "mine.txt": "mine" });
  for (const path of [src.path, `${src.path}/mine.txt`]) await Deno.chown(path, 1000, 1000);
  const script = "cat /app/mine.txt; echo more >>/app/mine.txt; mkdir /app/d; stat -c %u /app";
  const run = ["run", "--rm", "-u", "1000", "-v", `${src.path}:/app`, "bb", "sh", "-c", script];
  assertEquals(await docker.ok(run), "mine1000");
  assertEquals(await textOf(`${src.path}/mine.txt`), "minemore\n");
  assertEquals(names(src.path), ["d", "mine.txt"]);
});

test("a file by itself: there at the start, and back at the end", options, async ({ docker }) => {
  await using src = await folder({ "conf": "one", "other": "not mounted" });
  const name = uniqueName("file");
  await using _ = cleanup(docker, [name]);
  const mount = `${src.path}/conf:/etc/conf`;
  const script = "cat /etc/conf; echo changed >/etc/conf";
  const run = ["run", "--name", name, "--read-only", "-v", mount, "bb", "sh", "-c", script];
  assertEquals(await docker.ok(run), "one");
  assertEquals(await textOf(`${src.path}/conf`), "changed\n");
  assertStringIncludes(await docker.ok(["inspect", name]), `"${mount}"`);
  await write(src.path, { "conf": "two" });
  assertEquals(await docker.ok(["start", "-a", name]), "two");
  const readOnly = ["run", "--rm", "-v", `${mount}:ro`, "bb", "sh", "-c", script];
  assertStringIncludes((await docker.run(readOnly)).stderr, "Read-only file system");
  assertEquals(names(src.path), ["conf", "other"]);
});

test("prune removes volumes that no container has", options, async ({ docker, direct }) => {
  const program = async (...args: string[]) => {
    await using child = spawnAgent(args, vars);
    assertEquals(await child.wait(), 0);
    return child.output;
  };
  await using src = await folder({ "a.txt": "one" });
  const name = uniqueName("kept");
  await using _ = cleanup(docker, [name]);
  await docker.ok(["run", "--name", name, "-v", `${src.path}:/app`, "bb", "touch", "/app/b"]);
  const volume = await direct.ok(["inspect", "-f", "{{(index .Mounts 0).Name}}", name]);
  const has = async () => (await direct.ok(VOLUMES)).split("\n").includes(volume);
  await program("prune");
  assert(await has(), "a stopped container has it");
  await docker.ok(["rm", name]);
  await until("the folder is left", async () => {
    return (await program("prune", "--dry-run")).includes(`of ${src.path}`);
  });
  assertStringIncludes(await program("prune"), `of ${src.path}`);
  assertEquals(await has(), false);
  await until("nobody is left who helped", async () => await direct.ok(HELPERS) === "");
  assertEquals(names(src.path), ["a.txt", "b"]);
});

test("a volume that somebody has removed is filled again", options, async ({ docker, direct }) => {
  await using src = await folder({ "a.txt": "one", "b.txt": "two" });
  const run = ["run", "--rm", "-v", `${src.path}:/app`, "bb", "ls", "/app"];
  const before = await direct.ok(VOLUMES);
  assertEquals(await docker.ok(run), "a.txt\nb.txt");
  await until("nobody has it", async () => {
    const made = (await direct.ok(VOLUMES)).split("\n").filter((name) => !before.includes(name));
    return (await direct.run(["volume", "rm", ...made])).code === 0;
  });
  assertEquals(await docker.ok(run), "a.txt\nb.txt");
  assertEquals(names(src.path), ["a.txt", "b.txt"]);
});

isOwn = false;
await import("./binds_faults_test.ts");
