/** A configuration file that changes while its hosts are in use; hosts that connect when they are used. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { endToEnd } from "../support/e2e.ts";
import { hostEntry, HostsAgent, removeContainers, secondRig } from "../support/hosts.ts";
import { until } from "../support/poll.ts";
import { unsupported } from "../support/rig.ts";

const test = await endToEnd();
const other = unsupported() === undefined ? await secondRig() : undefined;

test.bare(
  "editing one host leaves what runs on another untouched",
  { agentOnly: true },
  async (rig) => {
    assert(other !== undefined);
    const gpu = hostEntry("gpu", rig), prod = hostEntry("prod", other);
    await using agent = await HostsAgent.start({ hosts: [gpu, prod] }, ["gpu", "prod"]);
    const docker = await agent.docker("gpu");
    try {
      const loop = "i=0; while true; do i=$((i+1)); echo line $i.; sleep 0.1; done";
      await docker.ok(["run", "-d", "--name", "talker", "bb", "sh", "-c", loop]);
      await using logs = docker.spawn(["logs", "-f", "talker"]);
      await logs.waitFor(/line 1\./);

      await agent.write(JSON.stringify({ hosts: [gpu, { ...prod, warm_connections: 1 }] }));
      const changed = await agent.child.waitFor(/"message":"The configuration was read again".*/);
      assertStringIncludes(changed[0], '"started":["prod"],"stopped":["prod"],"kept":["gpu"]');
      await agent.answers("prod");

      await agent.write("hosts:\n  - { name: gpu, ssh_hots: x }\n");
      const bad = await agent.child.waitFor(
        /"message":"Cannot read .*config.yaml:2:18: unknown key.*/,
      );
      assertStringIncludes(bad[0], "did you mean ssh_host?; the hosts go on as they are");

      await agent.write(JSON.stringify({ hosts: [gpu, hostEntry("third", other)] }));
      await agent.answers("third");
      await until(
        "the host that was taken out is gone",
        async () => await Deno.lstat(agent.socket("prod")).then(() => false, () => true),
      );

      const [, last = ""] = logs.soFar.stdout.match(/line (\d+)\.\s*$/) ?? [];
      await logs.waitFor(new RegExp(`line ${Number(last) + 5}\\.`));
      const numbers = [...logs.soFar.stdout.matchAll(/line (\d+)\./g)].map(([, number]) =>
        Number(number)
      );
      assertEquals(numbers, numbers.map((_, at) => at + 1), "a line is missing or repeated");
      assertEquals(logs.exitCode, undefined);
    } finally {
      await removeContainers(rig);
    }
  },
);

test.bare("SIGHUP has the file read again, and hosts that gave up tried again", {
  agentOnly: true,
}, async (rig) => {
  const directory = await Deno.makeTempDir({ prefix: "rda-known-" });
  const known = `${directory}/known_hosts`;
  try {
    await Deno.writeTextFile(known, "");
    const entry = hostEntry("gpu", rig);
    const strict = { ...entry, ssh: { ...entry.ssh, known_hosts: known } };
    await using agent = await HostsAgent.start({ hosts: [strict] }, ["gpu"]);
    await agent.child.waitFor(/Gave up: /);
    const docker = await agent.docker("gpu");
    assertStringIncludes((await docker.run(["ps"])).stderr, "Host key of");
    await Deno.copyFile(rig.knownHosts, known);
    agent.child.kill("SIGHUP");
    await agent.answers("gpu");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

test.bare("a host connects when it is used, and a program that is not used ends", {
  agentOnly: true,
}, async (rig) => {
  const config = { idle_exit: "20s", hosts: [hostEntry("gpu", rig)] };
  await using agent = await HostsAgent.start(config, ["gpu"]);
  const idle = await agent.run(["status"]);
  assertEquals(idle.code, 0, idle.stderr);
  assertMatch(idle.stdout, /Host +gpu \(ssh:\/\/.*\) is idle/);
  const docker = await agent.docker("gpu");
  try {
    await docker.ok(["run", "-d", "--name", "web", "-p", "80", "bb:httpd"]);
    const status = await agent.run(["status"]);
    assertMatch(status.stdout, /is up since/);
    await docker.ok(["rm", "-f", "web"]);
    await agent.child.waitFor(/nothing was used for 20s/);
    assertEquals(await agent.child.wait(), 0);
  } finally {
    await removeContainers(rig);
  }
});
