/** What clients ask about mounts by local paths, and what old ones may not ask. */
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";
import { folder, names, stateVars } from "../support/folders.ts";
import { cleanup } from "../support/published.ts";
import { request } from "../support/raw_http.ts";

const test = await endToEnd();
const vars = await stateVars();
const options = { agentOnly: true, vars };

test("docker ps --filter volume= finds containers by local paths", options, async ({ docker }) => {
  await using src = await folder({ "sub/conf": "x", "a": "a" });
  await Deno.symlink(src.path, `${src.path}.link`);
  const [whole, part, file] = [uniqueName("whole"), uniqueName("part"), uniqueName("file")];
  await using _ = cleanup(docker, [whole, part, file]);
  const create = (name: string, from: string, to: string) =>
    docker.ok(["create", "--name", name, "-v", `${from}:${to}`, "bb", "true"]);
  try {
    await create(whole, `${src.path}.link`, "/app");
    await create(part, `${src.path}/sub`, "/sub");
    await create(file, `${src.path}/sub/conf`, "/etc/conf");
    const found = async (...values: string[]) => {
      const filters = values.flatMap((value) => ["--filter", `volume=${value}`]);
      const listed = await docker.ok(["ps", "-a", ...filters, "--format", "{{.Names}}"]);
      return listed.split("\n").filter((name) => name !== "").sort();
    };
    assertEquals(await found(src.path), [whole]);
    assertEquals(await found(`${src.path}.link`), [whole]);
    assertEquals(await found(`${src.path}/sub`), [part]);
    assertEquals(await found(`${src.path}/sub/conf`), [file]);
    assertEquals(await found(src.path, `${src.path}/sub`), [whole, part].sort());
    assertEquals(await found("/sub"), [part]);
    assertEquals(await found(`${src.path}/a`), []);
  } finally {
    await Deno.remove(`${src.path}.link`);
  }
});

test("a start that brings mounts of its own is refused", options, async ({ docker, agent }) => {
  await using src = await folder();
  const name = uniqueName("legacy");
  await using _ = cleanup(docker, [name]);
  await docker.ok(["create", "--name", name, "bb", "true"]);
  const body = JSON.stringify({ Binds: [`${src.path}:/app`] });
  const headers = ["Content-Type: application/json"];
  const line = `POST /v1.23/containers/${name}/start`;
  const reply = await request(agent.socket, line, { headers, body });
  assertEquals(reply.status, 400);
  assertStringIncludes(reply.body, `Cannot mount ${src.path}`);
});

test("things that cannot travel are told once, and the rest goes on", options, async (bench) => {
  const { docker, agent } = bench;
  await using src = await folder({ "a": "a" });
  using _listener = Deno.listen({ transport: "unix", path: `${src.path}/socket` });
  await Deno.symlink("/etc/hostname", `${src.path}/away`);
  const script = "ls /app; mkfifo /app/pipe; mknod /app/null c 1 3; echo b >/app/b";
  const run = ["run", "--rm", "-v", `${src.path}:/app`, "bb", "sh", "-c", script];
  assertEquals(await docker.ok(run), "a\naway");
  await docker.ok(["run", "--rm", "-v", `${src.path}:/app`, "bb", "true"]);
  assertEquals(names(src.path), ["a", "away", "b", "socket"]);
  for (const path of ["socket", "pipe", "null"]) {
    await agent.waitForLog(new RegExp(`Not synced: ..?${path}`));
  }
  await agent.waitForLog(/Synced as it is: .*away.*: the link leads out of the folder/);
  const { output } = await agent.logUntilNow();
  for (const path of ["socket", "pipe", "null"]) {
    assertEquals(output.match(new RegExp(`Not synced: ..?${path}`, "g"))?.length, 1, path);
  }
});
