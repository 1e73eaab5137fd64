/** The relay in front of a real engine: the docker CLI on Linux, an HTTP client on Windows. */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd, SKIPPED_BECAUSE } from "../support/e2e.ts";
import { RelayHome } from "../support/relay_program.ts";
import type { Rig } from "../support/rig.ts";
import { ON_WINDOWS, Wine, wineObstacle } from "../support/wine.ts";

const test = await endToEnd();
const noWine = await wineObstacle();

/** A server in front of the engine's socket. */
function serverFor(home: RelayHome, rig: Rig) {
  return home.server(["--allow-socket", rig.directSocket]);
}

test.bare("docker works through relay and relay-server", { agentOnly: true }, async (rig) => {
  await using home = await RelayHome.open();
  const { port } = await serverFor(home, rig);
  const { socket } = await home.relay([
    ...["--ssh-connection", `ssh://x@127.0.0.1:${port}`, "--remote-docker", rig.directSocket],
  ]);
  await using docker = await DockerCli.open(defaultCli(), `unix://${socket}`);
  await using direct = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
  assertEquals(await docker.run(["version"]), await direct.run(["version"]));
  const { stdout } = await docker.run(["run", "--rm", "bb", "sh", "-c", "echo out; exit 0"]);
  assertEquals(stdout, "out\n");
  const piped = await docker.run(["run", "--rm", "-i", "bb", "cat"], {
    stdin: "through and back\n",
  });
  assertEquals(piped.stdout, "through and back\n");
});

const windowsName = "a real engine answers behind a named pipe of Windows";
if (noWine !== undefined) Deno.test.ignore(`${windowsName}${SKIPPED_BECAUSE}${noWine}]`, () => {});
else {
  test.bare(windowsName, { agentOnly: true }, async (rig) => {
    await using home = await RelayHome.open();
    await using wine = await Wine.open(home.directory);
    const { port } = await serverFor(home, rig);
    const relay = wine.agent([
      ...["relay", "--ssh-connection", `ssh://user@127.0.0.1:${port}`],
      ...["--identity-path", `${ON_WINDOWS.shared}\\.ssh\\id_ed25519`],
      ...["--remote-docker", `unix://${rig.directSocket}`],
    ]);
    await relay.child.waitFor(/\$env:DOCKER_HOST/, 300_000);
    const client = wine.script("tests/support/pipe_get.ts", [
      ...["\\\\.\\pipe\\container-desktop", "/version"],
    ]);
    assertEquals(await client.wait(), 0, client.child.output);
    assertMatch(client.stdout, /"ApiVersion":"1\.\d+"/);
  });
}
