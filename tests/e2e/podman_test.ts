/** Podman's API service as the engine: what was written for any engine, and what is its own. */
import { type Agent, spawnAgent, startAgent } from "../support/agent.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { sameAsDirect, uniqueName } from "../support/compare.ts";
import { type Bench, defaultCli, endToEnd } from "../support/e2e.ts";
import { folder, untilText } from "../support/folders.ts";
import { until } from "../support/poll.ts";
import { localServer, REVERSE_NAME } from "../support/reverse.ts";
import { preferPodman } from "../support/suite.ts";

const TAKEN = [
  /^run -it/,
  /^a piped standard input/,
  /^exec ends/,
  /^logs -f (shows|of frames)/,
  /^wait (answers|comes)/,
  /^a (name|port) that is taken is refused/,
  /^-p 8080:80 answers/,
  /^stop refuses/,
  /^compose up publishes/,
  /^docker cp into a mount/,
  /^a host in order passes/,
  /Podman/,
];
preferPodman((test) =>
  !test.includes("debian docker CLI") && TAKEN.some((pattern) => pattern.test(test))
);
const test = await endToEnd();

/** What is another one each time, or costs another time. */
const withoutIds = (text: string) =>
  text.replaceAll(/[0-9a-f]{64}|[0-9a-f]{12}\b|0x[0-9a-f]+/g, "<id>");

const COMMANDS: readonly (readonly string[])[] = [
  ["version", "--format", "{{.Server.Version}} {{.Server.APIVersion}}"],
  ["info", "--format", "{{.Name}} {{.ServerVersion}} {{.Driver}}"],
  ["run", "--rm", "bb", "sh", "-c", "exit 3"],
  ["run", "--rm", "bb", "no-such-command"],
  ["run", "--rm", "-v", "no-such:/x:bad-mode", "bb"],
  ["inspect", "no-such-thing"],
  ["exec", "no-such-container", "true"],
  ["cp", "no-such-container:/etc/passwd", "-"],
  ["service", "ls"],
];

test("commands end as at the socket of Podman itself", async (bench) => {
  for (const command of COMMANDS) await sameAsDirect(bench, command, { normalize: withoutIds });
});

async function build({ docker, direct }: Pick<Bench, "docker" | "direct">, dockerfile: string) {
  const vars = { DOCKER_BUILDKIT: "0" };
  const options = { vars, stdin: dockerfile, normalize: withoutIds };
  return await sameAsDirect({ docker, direct }, ["build", "--no-cache", "-"], options);
}

test("a build by Podman, and an image of it that travels", async (bench) => {
  const { docker } = bench;
  assertMatch((await build(bench, "FROM bb\nRUN echo it is $((40 + 2))\n")).stdout, /it is 42/);
  assertEquals((await build(bench, "FROM bb\nRUN exit 5\n")).code, 1);
  const [name, directory] = [uniqueName("made"), await Deno.makeTempDir({ prefix: "rda-podman-" })];
  try {
    await docker.ok(["tag", "bb:httpd", name]);
    await docker.ok(["save", "-o", `${directory}/image.tar`, name]);
    await docker.ok(["rmi", name]);
    await docker.ok(["load", "-i", `${directory}/image.tar`]);
    const format = "{{json .Config.Cmd}}";
    assertMatch(await docker.ok(["image", "inspect", "-f", format, name]), /httpd/);
  } finally {
    await docker.run(["rmi", name]);
    await Deno.remove(directory, { recursive: true });
  }
});

/** The containers that use a synced folder, as the agent tells them. */
async function users({ runtimeDirectory }: Agent, folder: string): Promise<string[]> {
  const told = spawnAgent(["syncs", "--json"], { XDG_RUNTIME_DIR: runtimeDirectory });
  assertEquals(await told.wait(), 0, told.stderr);
  const syncs: { root: string; containers: string[] }[] = JSON.parse(told.stdout);
  return syncs.filter(({ root }) => root === folder).flatMap(({ containers }) => containers);
}

test("a folder is followed for as long as its container runs with Podman", async (bench) => {
  const { docker, direct } = bench;
  const name = uniqueName("bound");
  await using src = await folder({ "in": "here" });
  const script = "while [ ! -e /app/go ]; do sleep 0.1; done; cat /app/go >/app/out; sleep 600";
  try {
    await docker.ok([
      ...["run", "-d", "--name", name, "--label", "own=1", "-v", `${src.path}:/app`],
      ...["bb", "sh", "-c", script],
    ]);
    await Deno.writeTextFile(`${src.path}/go`, "there");
    await untilText(`${src.path}/out`, "there");
    assertEquals(await users(bench.agent, src.path), [name]);
    const shown = await docker.ok(["inspect", "-f", "{{json .HostConfig.Binds}}", name]);
    assertMatch(shown, new RegExp(`"${src.path}:/app[:"]`));
    assertEquals(shown.includes("remote-docker-agent"), false);
    const labels = await docker.ok(["inspect", "-f", "{{json .Config.Labels}}", name]);
    assertEquals(labels, '{"own":"1"}');
    // Behind the agent's back: only an event tells of it.
    await direct.ok(["kill", name]);
    await until("it is let go", async () => (await users(bench.agent, src.path)).length === 0);
  } finally {
    await direct.run(["rm", "-f", name]);
  }
});

test.bare("a port of this machine is there for a container of Podman", {}, async (rig) => {
  await using server = localServer();
  const target = `${REVERSE_NAME}:${server.port}`;
  await using agent = await startAgent(rig, { reverse: target });
  await using docker = await agent.docker(defaultCli());
  const name = uniqueName("reverse");
  await rig.verb("perl");
  try {
    // Podman's bridge is there from the start of the container on.
    await docker.ok(["run", "-d", "--name", name, "bb", "sleep", "600"]);
    await agent.waitForLog(/Containers reach/, 60_000);
    const ask = `echo hi | nc ${REVERSE_NAME} ${server.port}`;
    assertEquals(await docker.ok(["exec", name, "sh", "-c", ask]), "got hi");
  } finally {
    await docker.run(["rm", "-f", name]);
    await rig.verb("no-perl");
  }
});

await import("./run_test.ts");
await import("./exec_attach_test.ts");
await import("./streams_test.ts");
await import("./errors_test.ts");
await import("./ports_publish_test.ts");
await import("./ports_lifecycle_test.ts");
await import("./ports_compose_test.ts");
await import("./binds_content_test.ts");
await import("./resume_test.ts");
await import("./doctor_test.ts");
