/** Every way to mount a path: it holds the local files, and looks like a local mount. */
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";
import {
  folder,
  names,
  saveByRename,
  stateVars,
  textOf,
  untilText,
  write,
} from "../support/folders.ts";
import { until } from "../support/poll.ts";
import { cleanup } from "../support/published.ts";

const test = await endToEnd();
const vars = await stateVars();
const options = { agentOnly: true, vars };

for (const cli of ["current", "debian"] as const) {
  test(
    `a directory, in both directions (${cli} docker CLI)`,
    { ...options, cli },
    async (bench) => {
      const { docker, direct } = bench;
      await using src = await folder({ "in.txt": "from here", "sub/deep.txt": "deep" });
      const name = uniqueName("dir");
      await using _ = cleanup(docker, [name]);
      const script = "cat /app/in.txt /app/sub/deep.txt; echo there >/app/sub/out.txt";
      const mount = `${src.path}:/app`;
      const run = ["run", "--name", name, "-v", mount, "bb", "sh", "-c", script];
      assertEquals(await docker.ok(run), "from heredeep");
      assertEquals(await textOf(`${src.path}/sub/out.txt`), "there\n");
      const shown = await docker.ok(["inspect", name]);
      assertStringIncludes(shown, `"${mount}"`);
      assertStringIncludes(shown, `"Source": "${src.path}"`);
      assert(!/remote-docker-agent/.test(shown), shown);
      const format = ["ps", "-a", "--no-trunc", "--filter", `name=${name}`, "--format"];
      assertEquals(await docker.ok([...format, "{{.Mounts}}|{{.Labels}}"]), `${src.path}|`);
      // The engine has another path, whose parent nobody else can enter.
      const real = await direct.ok(["inspect", "-f", "{{(index .Mounts 0).Source}}", name]);
      assert(real !== src.path, real);
      const from = `${new Date(Date.now() - 60_000).toISOString()}`;
      const events = await docker.ok([
        "events",
        ...["--since", from, "--until", new Date().toISOString()],
        ...["--filter", `container=${name}`, "--format", "{{json .}}"],
      ]);
      assertStringIncludes(events, `"name":"${name}"`);
      assert(!/remote-docker-agent/.test(events), events);
    },
  );
}

test("edits travel both ways while the container runs", options, async ({ docker }) => {
  await using src = await folder({ "a.txt": "one" });
  const name = uniqueName("live");
  await using _ = cleanup(docker, [name]);
  const args = ["run", "-d", "--name", name, "-v", `${src.path}:/app`, "bb", "sleep", "600"];
  await docker.ok(args);
  const inside = (path: string) => docker.run(["exec", name, "cat", path]);
  await saveByRename(`${src.path}/a.txt`, "two");
  // No pause: a command begins with what was saved before it.
  assertEquals((await inside("/app/a.txt")).stdout, "two");
  await docker.ok(["exec", name, "sh", "-c", "echo made >/app/b.txt; rm /app/a.txt"]);
  assertEquals(names(src.path), ["b.txt"]);
  // Behind the back of every barrier.
  await docker.ok(["exec", "-d", name, "sh", "-c", "sleep 1; echo later >/app/c.txt"]);
  await untilText(`${src.path}/c.txt`, "later\n");
  await docker.ok(["stop", "-t", "0", name]);
  await write(src.path, { "d.txt": "while stopped" });
  await docker.ok(["start", name]);
  assertEquals((await inside("/app/d.txt")).stdout, "while stopped");
});

test("ro: the container reads, and cannot write", options, async ({ docker }) => {
  await using src = await folder({ "a.txt": "read me" });
  const mount = ["-v", `${src.path}:/app:ro`];
  const read = await docker.run([
    "run",
    "--rm",
    ...mount,
    "bb",
    "sh",
    "-c",
    "cat /app/a.txt; >/app/x",
  ]);
  assertEquals(read.stdout, "read me");
  assertStringIncludes(read.stderr, "Read-only file system");
  assertEquals(names(src.path), ["a.txt"]);
});

test("--mount type=bind, with its options", options, async ({ docker }) => {
  await using src = await folder({ "a.txt": "mounted" });
  const name = uniqueName("mount");
  await using _ = cleanup(docker, [name]);
  const spec = `type=bind,source=${src.path},target=/app,readonly,bind-propagation=rslave`;
  const args = ["run", "--name", name, "--mount", spec, "bb", "cat", "/app/a.txt"];
  assertEquals(await docker.ok(args), "mounted");
  const shown = await docker.ok([
    "inspect",
    "-f",
    "{{json .Mounts}}{{json .HostConfig.Mounts}}",
    name,
  ]);
  assertStringIncludes(shown, `"Source":"${src.path}"`);
  assertStringIncludes(shown, `"Propagation":"rslave"`);
  assert(!shown.includes("remote-docker-agent"), shown);
});

test("a missing source: -v makes it, --mount says what Docker says", options, async (bench) => {
  const { docker, direct } = bench;
  await using src = await folder();
  const missing = `${src.path}/new/dir`;
  await docker.ok(["run", "--rm", "-v", `${missing}:/app`, "bb", "touch", "/app/made"]);
  assertEquals(names(missing), ["made"]);
  const gone = `type=bind,source=${src.path}/gone,target=/app`;
  const refused = await docker.run(["run", "--rm", "--mount", gone, "bb", "true"]);
  const docksOwn = await direct.run(["run", "--rm", "--mount", gone, "bb", "true"]);
  assertEquals([refused.code, refused.stderr], [docksOwn.code, docksOwn.stderr]);
  assertEquals(names(src.path), ["new"]);
});

test("a path that only the remote host has is meant there", options, async ({ docker, rig }) => {
  const path = `/srv/dev/${uniqueName("only")}`;
  await rig.verb("exec", "sh", "-c", `mkdir ${path} && echo remote >${path}/a.txt`);
  assertEquals(
    await docker.ok(["run", "--rm", "-v", `${path}:/app`, "bb", "cat", "/app/a.txt"]),
    "remote",
  );
  await rig.verb("exec", "rm", "-r", path);
});

test("docker.sock is the socket of the remote engine", options, async ({ docker, agent }) => {
  for (const socket of ["/var/run/docker.sock", agent.socket]) {
    const name = uniqueName("sock");
    await using _ = cleanup(docker, [name]);
    const args = ["run", "--name", name, "-v", `${socket}:/s`, "bb", "sh", "-c", "test -S /s"];
    await docker.ok(args);
    assertEquals(
      await docker.ok(["inspect", "-f", "{{.HostConfig.Binds}}", name]),
      `[${socket}:/s]`,
    );
  }
});

test("a rule leaves a path to the remote host", {
  ...options,
  flags: { binds: "/srv=remote" },
}, async ({ docker }) => {
  const listing = await docker.ok(["run", "--rm", "-v", "/srv:/srv", "bb", "ls", "/srv"]);
  assertStringIncludes(listing, "dev");
});

test("the whole disk, the home directory and too much are refused", {
  ...options,
  flags: { "sync-max-size": "1MB" },
}, async ({ docker }) => {
  await using src = await folder({ "big.bin": "x".repeat(1_200_000) });
  for (
    const [source, reason] of [["/", "whole"], [Deno.env.get("HOME"), "home"], [src.path, "MB"]]
  ) {
    const { code, stderr } = await docker.run([
      "run",
      "--rm",
      "-v",
      `${source}:/app`,
      "bb",
      "true",
    ]);
    assertEquals(code, 125);
    assertStringIncludes(stderr, 'invalid mount config for type "bind"');
    assertStringIncludes(stderr, reason ?? "");
  }
});

test("nested sources share their files", options, async ({ docker }) => {
  await using src = await folder({ "a.txt": "a", "sub/b.txt": "b" });
  // The CLI sends them in any order; this one always sends the inner one first.
  const inner = ["--mount", `type=bind,src=${src.path}/sub,dst=/sub`];
  const mounts = [...inner, "--mount", `type=bind,src=${src.path},dst=/app`];
  const script = "cat /app/a.txt /sub/b.txt; echo c >/sub/c.txt; cat /app/sub/c.txt";
  assertEquals(await docker.ok(["run", "--rm", ...mounts, "bb", "sh", "-c", script]), "abc");
  assertEquals(names(`${src.path}/sub`), ["b.txt", "c.txt"]);
});

test("a single file stays live across an editor's rename, both ways", options, async (bench) => {
  const { docker } = bench;
  await using src = await folder({ "conf": "one", "other": "not mounted" });
  const name = uniqueName("file");
  const path = `${src.path}/conf`;
  await using _ = cleanup(docker, [name]);
  await docker.ok(["run", "-d", "--name", name, "-v", `${path}:/etc/conf`, "bb", "sleep", "600"]);
  const read = () => docker.ok(["exec", name, "cat", "/etc/conf"]);
  assertEquals(await read(), "one");
  for (const text of ["two", "three"]) {
    await saveByRename(path, text);
    await until("the file is new inside", async () => await read() === text);
  }
  await docker.ok(["exec", name, "sh", "-c", "echo four >/etc/conf"]);
  assertEquals(await textOf(path), "four\n");
  await saveByRename(path, "five");
  await until("the file is new inside", async () => await read() === "five");
  assertEquals(names(src.path), ["conf", "other"]);
});
