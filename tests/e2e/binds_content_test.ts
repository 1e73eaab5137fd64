/** What is in a mounted folder arrives as it is, whoever writes it; nothing is lost. */
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";
import { folder, names, stateVars, textOf, untilText, write } from "../support/folders.ts";
import { until } from "../support/poll.ts";
import { cleanup } from "../support/published.ts";

const test = await endToEnd();
const vars = await stateVars();
const options = { agentOnly: true, vars };

/** Names that have broken somebody's script. */
const ODD = [
  "a b",
  "-dash",
  "ümläut",
  "new\nline",
  "quo'te\"s",
  "back\\slash",
  "$HOME `id`",
  "日本語",
];

for (const user of ["0", "1000"]) {
  test(`500 files written as ${user} are here when run returns`, options, async ({ docker }) => {
    await using src = await folder({ "first": "" });
    const script = "mkdir /out/d; for i in $(seq 500); do echo $i >/out/d/f$i; done";
    await docker.ok([
      "run",
      "--rm",
      "-u",
      user,
      "-v",
      `${src.path}:/out`,
      "bb",
      "sh",
      "-c",
      script,
    ]);
    assertEquals(names(`${src.path}/d`).length, 500);
    assertEquals(await textOf(`${src.path}/d/f500`), "500\n");
  });
}

test("build output that is removed on either side is gone on both", options, async (bench) => {
  const { docker } = bench;
  await using src = await folder({ "main.c": "x" });
  const name = uniqueName("build");
  await using _ = cleanup(docker, [name]);
  await docker.ok(["run", "-d", "--name", name, "-v", `${src.path}:/app`, "bb", "sleep", "600"]);
  const exec = (script: string) => docker.ok(["exec", name, "sh", "-c", script]);
  await exec("mkdir -p /app/out/obj; for i in $(seq 20); do echo $i >/app/out/obj/$i.o; done");
  assertEquals(names(`${src.path}/out/obj`).length, 20);
  await Deno.remove(`${src.path}/out`, { recursive: true });
  assertEquals(await exec("ls /app"), "main.c");
  await exec("mkdir /app/out; echo again >/app/out/1.o");
  assertEquals(await textOf(`${src.path}/out/1.o`), "again\n");
  await exec("rm -r /app/out");
  assertEquals(names(src.path), ["main.c"]);
});

test("symlinks, modes, times, empty directories and odd names", options, async ({ docker }) => {
  await using src = await folder(Object.fromEntries(ODD.map((name) => [name, `in ${name}`])));
  const at = (name: string) => `${src.path}/${name}`;
  await write(src.path, { "run.sh": "#!/bin/sh\necho ran" });
  await Deno.chmod(at("run.sh"), 0o755);
  await Deno.symlink("run.sh", at("link"));
  await Deno.symlink("nowhere", at("broken"));
  await Deno.mkdir(at("empty"));
  const time = new Date("2020-02-02T02:02:02Z");
  await Deno.utime(at("run.sh"), time, time);
  const script = [
    "/app/link && readlink /app/broken && stat -c %Y /app/run.sh && ls -d /app/empty",
    "cat '/app/a b' /app/-dash",
    'cd /app; for f in *; do [ -f "$f" ] && cp -p -- "$f" "copy of $f"; done',
    "ln -s ../x made; mkdir hollow; printf '#!/bin/sh' >new.sh; chmod 755 new.sh",
  ].join("; ");
  const run = ["run", "--rm", "-v", `${src.path}:/app`, "bb", "sh", "-c", script];
  assertEquals(
    await docker.ok(run),
    `ran\nnowhere\n${time.getTime() / 1000}\n/app/empty\nin a bin -dash`,
  );
  for (const name of ODD) assertEquals(await textOf(at(`copy of ${name}`)), `in ${name}`, name);
  assertEquals((await Deno.stat(at("copy of run.sh"))).mtime, time);
  assertEquals((await Deno.stat(at("new.sh"))).mode! & 0o777, 0o755);
  assertEquals(await Deno.readLink(at("made")), "../x");
  assertEquals(await Deno.readLink(at("link")), "run.sh");
  assert((await Deno.stat(at("hollow"))).isDirectory);
});

test("5,000 small files arrive, and cost little the second time", options, async ({ docker }) => {
  await using src = await folder();
  for (let d = 0; d < 50; d++) {
    Deno.mkdirSync(`${src.path}/d${d}`);
    for (let f = 0; f < 100; f++) Deno.writeTextFileSync(`${src.path}/d${d}/f${f}`, `${d} ${f}`);
  }
  const count = "find /app -type f | wc -l; cat /app/d49/f99";
  const run = ["run", "--rm", "-v", `${src.path}:/app`, "bb", "sh", "-c", count];
  assertEquals(await docker.ok(run, { timeoutMs: 300_000 }), "5000\n49 99");
  Deno.writeTextFileSync(`${src.path}/d49/f99`, "changed");
  Deno.removeSync(`${src.path}/d0/f0`);
  assertEquals(await docker.ok(run), "4999\nchanged");
});

test("both sides edit one file: the local one wins, the other is kept", options, async (bench) => {
  const { docker, direct, agent } = bench;
  await using src = await folder({ "f.txt": "old" });
  const name = uniqueName("both");
  await using _ = cleanup(docker, [name]);
  await docker.ok(["run", "-d", "--name", name, "-v", `${src.path}:/app`, "bb", "sleep", "600"]);
  // While nothing can travel, both sides change.
  agent.kill("SIGSTOP");
  try {
    await direct.ok(["exec", name, "sh", "-c", "echo theirs >/app/f.txt"]);
    await write(src.path, { "f.txt": "ours" });
  } finally {
    agent.kill("SIGCONT");
  }
  await until(
    "the local version is inside",
    async () => await docker.ok(["exec", name, "cat", "/app/f.txt"]) === "ours",
  );
  assertEquals(await textOf(`${src.path}/f.txt`), "ours");
  await until("the other version is kept", async () => {
    return (await keptVersions(vars["XDG_STATE_HOME"] ?? "")).includes("theirs\n");
  });
});

/** The contents of all small files in the state directory; throws when one of them goes meanwhile. */
async function keptVersions(root: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(root)) {
    const path = `${root}/${name}`;
    if (isDirectory) texts.push(...await keptVersions(path));
    else if (isFile && (await Deno.stat(path)).size < 1000) {
      texts.push(await Deno.readTextFile(path));
    }
  }
  return texts;
}

test("a folder replaced by an empty one stops the sync and deletes nothing", options, async (b) => {
  const { docker, direct, agent } = b;
  await using src = await folder({ "a/1": "1", "a/2": "2", "b": "3" });
  const path = `${src.path}/a`;
  const name = uniqueName("emptied");
  await using _ = cleanup(docker, [name]);
  await docker.ok(["run", "-d", "--name", name, "-v", `${path}:/app`, "bb", "sleep", "600"]);
  await Deno.rename(path, `${src.path}/aside`);
  await Deno.mkdir(path);
  await agent.waitForLog(/nothing is deleted/);
  assertEquals(await direct.ok(["exec", name, "ls", "/app"]), "1\n2");
  await docker.ok(["stop", "-t", "0", name]);
  const { code, stderr } = await docker.run(["start", name]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "nothing is deleted");
  await Deno.remove(path);
  await Deno.rename(`${src.path}/aside`, path);
  await until("it starts again", async () => (await docker.run(["start", name])).code === 0);
  assertEquals(await docker.ok(["exec", name, "ls", "/app"]), "1\n2");
  assertEquals(names(path), ["1", "2"]);
});

test("docker cp into a mount is here, out of one is new", options, async ({ docker }) => {
  await using src = await folder({ "a.txt": "one" });
  await using other = await folder({ "b.txt": "copied" });
  const name = uniqueName("cp");
  await using _ = cleanup(docker, [name]);
  await docker.ok(["run", "-d", "--name", name, "-v", `${src.path}:/app`, "bb", "sleep", "600"]);
  await docker.ok(["cp", `${other.path}/b.txt`, `${name}:/app/b.txt`]);
  assertEquals(await textOf(`${src.path}/b.txt`), "copied");
  await write(src.path, { "a.txt": "two" });
  await docker.ok(["cp", `${name}:/app/a.txt`, `${other.path}/a.txt`]);
  assertEquals(await textOf(`${other.path}/a.txt`), "two");
});

test("two containers see each other's files", options, async ({ docker }) => {
  await using src = await folder({ "a.txt": "one" });
  const pair = [uniqueName("left"), uniqueName("right")];
  await using _ = cleanup(docker, pair);
  await Promise.all(
    pair.map((name) =>
      docker.ok(["run", "-d", "--name", name, "-v", `${src.path}:/app`, "bb", "sleep", "600"])
    ),
  );
  await docker.ok(["exec", pair[0] ?? "", "sh", "-c", "echo left >/app/b.txt"]);
  assertEquals(await docker.ok(["exec", pair[1] ?? "", "cat", "/app/b.txt"]), "left");
  await untilText(`${src.path}/b.txt`, "left\n");
  const heir = ["run", "--rm", "--volumes-from", pair[1] ?? "", "bb", "sh", "-c", "echo h >/app/h"];
  await docker.ok(heir);
  assertEquals(await textOf(`${src.path}/h`), "h\n");
});
