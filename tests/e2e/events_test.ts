/** `events`: what happens to connections, ports, the bridge and clients, as a user sees it. */
import { cleanEnvironment, spawnAgent, startAgent } from "../support/agent.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { curl } from "../support/bridge.ts";
import { runOk } from "../support/child.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { endToEnd } from "../support/e2e.ts";
import { freePort } from "../support/free_ports.ts";
import { programCommand } from "../support/program.ts";
import { cleanup, WEB } from "../support/published.ts";

const test = await endToEnd();
const agentOnly = { agentOnly: true };

test.bare("what happens is told as it happens, and once more later", agentOnly, async (rig) => {
  const http = freePort();
  await using agent = await startAgent(rig, { "http-proxy": `127.0.0.1:${http}` });
  await using docker = await agent.docker("debian");
  await using direct = await DockerCli.open("debian", `unix://${rig.directSocket}`);
  await using _cleanup = cleanup(direct, ["told"]);
  const vars = { XDG_RUNTIME_DIR: agent.runtimeDirectory };
  await using followed = spawnAgent(["events", "--since", "10m"], vars);
  await followed.waitFor(/ transport\.up remote=ssh:/);
  await followed.waitFor(/ forward\.opened local=\S+ target=http-proxy/);

  const port = freePort();
  await docker.ok(["run", "-d", "--name", "told", "-p", `${port}:80`, ...WEB]);
  const ends = `local=127\\.0\\.0\\.1:${port}/tcp target=told:80/tcp`;
  await followed.waitFor(new RegExp(` forward\\.opened ${ends}`));
  await docker.ok(["rm", "-f", "told"]);
  await followed.waitFor(new RegExp(` forward\\.closed ${ends}`));

  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await docker.run(["run", "-d", "--name", "told", "-p", `${taken.addr.port}:80`, ...WEB]);
  await followed.waitFor(/ forward\.failed target=told reason=".*already in use/);

  await curl("-H", "Host: evil.example", `http://127.0.0.1:${agent.port}/_ping`);
  await followed.waitFor(/ client\.refused reason="Host \\"evil\.example\\" is refused/);
  await curl("-H", "Host: evil.example", `http://127.0.0.1:${http}/proxy.pac`);
  await followed.waitFor(/ client\.refused client=127\.0\.0\.1:\d+ reason="Host/);

  await rig.verb("drop-sessions");
  await followed.waitFor(/ transport\.down remote=\S+ reason="/);
  await followed.waitFor(/ transport\.reconnecting remote=\S+ attempt=1/);
  await followed.waitFor(/ transport\.up [^]* transport\.up /);

  await using again = spawnAgent(["events", "--since=10m", "--no-follow", "--json"], vars);
  assertEquals(await again.wait(), 0);
  const lines = again.output.trim().split("\n").map((line) => JSON.parse(line));
  const kinds = new Set(lines.map(({ kind }) => kind));
  assertEquals(kinds.has("transport.up") && kinds.has("forward.closed"), true);
  for (const { time, pid } of lines) {
    assertMatch(time, /Z$/);
    assertEquals(pid, agent.pid);
  }
  await agent.stop();
  assertEquals(await followed.wait(), 8);
});

test.bare("a synced folder tells of its changes and conflicts", agentOnly, async (rig) => {
  const folder = await Deno.makeTempDir({ prefix: "rda-events-" });
  await Deno.writeTextFile(`${folder}/one`, "1");
  await using agent = await startAgent(rig);
  await using docker = await agent.docker("debian");
  const vars = { XDG_RUNTIME_DIR: agent.runtimeDirectory };
  await using followed = spawnAgent(["events", "--since", "10m", "--json"], vars);
  try {
    const about = `"folder":"${folder}"`;
    await docker.ok(["run", "-d", "--name", "told", "-v", `${folder}:/w`, "bb", "sleep", "600"]);
    await followed.waitFor(new RegExp(`"sync.flush",${about},"changes":\\d`));
    await followed.waitFor(new RegExp(`"sync.state",${about},"state":"watching"`));
    await runOk(...programCall(["syncs", "pause"]), { env: { ...cleanEnvironment(), ...vars } });
    await followed.waitFor(new RegExp(`"sync.state",${about},"state":"paused"`));
    await docker.ok(["exec", "told", "sh", "-c", "echo remote >/w/one"]);
    await Deno.writeTextFile(`${folder}/one`, "local, and longer");
    await runOk(...programCall(["syncs", "resume"]), { env: { ...cleanEnvironment(), ...vars } });
    await followed.waitFor(new RegExp(`"sync.conflict",${about},"file":"${folder}/one"`));
  } finally {
    await docker.run(["rm", "-f", "told"]);
    await Deno.remove(folder, { recursive: true });
  }
});

/** The program with some arguments, as {@link runOk} takes it. */
function programCall(args: readonly string[]): [string, string[]] {
  const [command, ...first] = programCommand();
  return [command, [...first, ...args]];
}

test.bare("nobody is there to be followed", agentOnly, async () => {
  const directory = await Deno.makeTempDir();
  try {
    await using lonely = spawnAgent(["events"], {
      XDG_RUNTIME_DIR: directory,
      XDG_STATE_HOME: directory,
    });
    assertEquals(await lonely.wait(), 4);
    assertMatch(lonely.output, /No remote-docker-agent is running/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
