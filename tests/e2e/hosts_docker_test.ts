/** What users reach for: contexts of docker, variables for a shell, one command with its own agent. */
import { assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { flagList, rigFlags, spawnAgent } from "../support/agent.ts";
import { runCommand } from "../support/child.ts";
import { endToEnd } from "../support/e2e.ts";
import { hostEntry, HostsAgent } from "../support/hosts.ts";
import { until } from "../support/poll.ts";

const test = await endToEnd();

test.bare(
  "docker --context leads to a host, and says how it is",
  { agentOnly: true },
  async (rig) => {
    await using agent = await HostsAgent.start({ hosts: [hostEntry("gpu", rig)] }, ["gpu"]);
    await agent.answers("gpu");
    const config = `${agent.directory}/config.yaml`;
    const docker = await agent.docker("gpu");
    const vars = { DOCKER_HOST: "", DOCKER_CONFIG: `${agent.directory}/.docker` };
    const added = await agent.run(["context", "add", "gpu", "--config", config]);
    assertEquals(added.code, 0, added.stderr);
    assertEquals(
      await docker.ok(["--context", "gpu", "version", "-f", "{{.Server.Os}}"], { vars }),
      "linux",
    );
    await until("the description says that it is up", async () => {
      const format = "{{.Name}}|{{.Description}}";
      const listed = await docker.ok(["context", "ls", "--format", format], { vars });
      assertMatch(listed, /^gpu\|gpu: ssh:\/\/.*, up \(remote-docker-agent\)$/m);
      return true;
    });

    const used = await agent.run(["context", "use", "gpu"]);
    assertEquals(used.code, 0, used.stderr);
    assertEquals(await docker.ok(["context", "show"], { vars }), "gpu");
    assertStringIncludes((await agent.run(["context", "rm", "gpu"])).stderr, "is in use");

    agent.child.kill("SIGTERM");
    assertEquals(await agent.child.wait(), 0);
    await until(
      "the description says that nobody serves it",
      async () =>
        (await docker.ok(["context", "ls", "--format", "{{.Description}}"], { vars }))
          .includes("not served"),
    );
    assertEquals((await agent.run(["context", "use", "default"])).code, 0);
    assertEquals((await agent.run(["context", "rm", "gpu"])).code, 0);
    assertEquals(await docker.ok(["context", "ls", "-q"], { vars }), "default");
  },
);

test.bare("env has a shell find a host", { agentOnly: true }, async (rig) => {
  await using agent = await HostsAgent.start({ hosts: [hostEntry("gpu", rig)] }, ["gpu"]);
  await agent.answers("gpu");
  const args = ["env", "gpu", "--shell", "sh", "--config", `${agent.directory}/config.yaml`];
  const { stdout, code } = await agent.run(args);
  assertEquals(code, 0);
  const docker = await agent.docker("gpu");
  const line = `unset DOCKER_HOST; eval "$RDA_LINES"; '${docker.path}' version -f '{{.Server.Os}}'`;
  const env = { ...docker.env(), RDA_LINES: stdout };
  const result = await runCommand("/bin/sh", ["-c", line], { env });
  assertEquals([result.code, result.stdout], [0, "linux\n"], result.stderr);
});

test.bare("run gives one command an agent of its own, and passes on how it ended", {
  agentOnly: true,
}, async (rig) => {
  const flags = flagList({ ...rigFlags(rig), "log-level": "warn" });
  const script = 'docker run --rm bb echo "over there"; ls -d "${DOCKER_HOST#unix://}"; exit 7';
  await using child = spawnAgent(["run", ...flags, "--", "/bin/sh", "-c", script]);
  assertEquals(await child.wait(), 7, child.output);
  const [said, socket = ""] = child.stdout.trim().split("\n");
  assertEquals(said, "over there", child.output);
  assertMatch(socket, /docker\.sock$/);
  assertEquals(await Deno.lstat(socket).then(() => true, () => false), false);
});

test.bare("sync takes a host by its name", { agentOnly: true }, async (rig) => {
  await using agent = await HostsAgent.start({ hosts: [hostEntry("gpu", rig)] }, ["gpu"]);
  await Deno.mkdir(`${agent.directory}/src`);
  await Deno.writeTextFile(`${agent.directory}/src/a`, "here");
  const target = `/srv/dev/sync-${crypto.randomUUID()}`;
  const config = `--config=${agent.directory}/config.yaml`;
  const { code, stderr } = await agent.run([
    "sync",
    `${agent.directory}/src`,
    `gpu:${target}`,
    config,
  ]);
  assertEquals(code, 0, stderr);
  assertEquals(await Deno.readTextFile(`${rig.root}${target}/a`), "here");
});
