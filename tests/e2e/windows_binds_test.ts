/** Folders and ports of a Windows machine, under Wine, in containers of the rig. */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd, SKIPPED_BECAUSE } from "../support/e2e.ts";
import { folder, names, untilText, write } from "../support/folders.ts";
import { freePorts } from "../support/free_ports.ts";
import { until } from "../support/poll.ts";
import { cleanup, fetchPort } from "../support/published.ts";
import type { Rig } from "../support/rig.ts";
import { ON_WINDOWS, type WindowsProcess, Wine, wineObstacle } from "../support/wine.ts";

const test = await endToEnd();
const noWine = await wineObstacle();

interface WindowsBench {
  readonly wine: Wine;
  readonly agent: WindowsProcess;
  readonly docker: DockerCli;
  readonly direct: DockerCli;
  /** A folder of the Windows user, as this machine names it, and as Windows does. */
  readonly here: string;
  readonly there: string;
}

/** The agent on Windows, by the user's SSH configuration with the line ends of Windows. */
function onWindows(name: string, body: (bench: WindowsBench) => Promise<void>): void {
  if (noWine !== undefined) {
    Deno.test.ignore(`${name}${SKIPPED_BECAUSE}${noWine}]`, () => {});
    return;
  }
  test.bare(name, { agentOnly: true }, async (rig) => {
    await using shared = await folder({
      rigkey: await Deno.readTextFile(rig.key),
      known_hosts: (await Deno.readTextFile(rig.knownHosts)).replaceAll("\n", "\r\n"),
    });
    await using wine = await Wine.open(shared.path);
    await write(wine.driveC("users/root"), { ".ssh/config": sshConfig(rig), "src/a.txt": "a\n" });
    const port = freePorts()[0] ?? 0;
    const agent = wine.agent(["start", "--ssh-host", "rig", "--listen", `127.0.0.1:${port}`]);
    await agent.child.waitFor(/\$env:DOCKER_HOST/, 300_000);
    await using docker = await DockerCli.open(defaultCli(), `tcp://127.0.0.1:${port}`);
    await using direct = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
    const there = `${ON_WINDOWS.home}\\src`;
    await body({ wine, agent, docker, direct, here: wine.driveC("users/root/src"), there });
    await agent.ctrlC();
    assertEquals(await agent.wait(), 0);
  });
}

function sshConfig({ address, port, user }: Rig): string {
  return [
    "Host rig",
    `  HostName ${address}`,
    `  Port ${port}`,
    `  User ${user}`,
    `  IdentityFile "${ON_WINDOWS.shared}\\rigkey"`,
    `  UserKnownHostsFile ${ON_WINDOWS.shared}/known_hosts`,
    "",
  ].join("\r\n");
}

onWindows("one folder, however it is written, and both ways", async ({ docker, here, there }) => {
  const spellings = [there, "c:/Users/Root/SRC/", "/c/users/root/src", "/mnt/c/users/root/src"];
  for (const [count, source] of spellings.entries()) {
    const shell = ["bb", "sh", "-c", "cat /app/a.txt; echo x >> /app/made.txt"];
    const stdout = await docker.ok(["run", "--rm", "-v", `${source}:/app`, ...shell]);
    assertEquals(stdout, "a", source);
    assertEquals(await Deno.readTextFile(`${here}/made.txt`), "x\n".repeat(count + 1));
  }
  const file = ["run", "--rm", "-v", `${there}\\a.txt:/one`, "bb", "cat", "/one"];
  assertEquals(await docker.ok(file), "a");
});

onWindows("changes travel while a container runs, and its port is here", async (bench) => {
  const { docker, direct, here, there } = bench;
  const name = uniqueName("windows");
  await using _ = cleanup(direct, [name]);
  const [port = 0] = freePorts();
  const mount = `${there}:/app`;
  await docker.ok(["run", "-d", "--name", name, "-v", mount, "-p", `${port}:80`, "bb:httpd"]);
  assertMatch(await fetchPort(port), /^hello from/);
  const inspect = ["inspect", "-f", "{{index .HostConfig.Binds 0}}", name];
  assertEquals((await docker.ok(inspect)).trim(), mount);
  await write(here, { "deep/er/new.txt": "here\n" });
  const inContainer = (script: string) => docker.run(["exec", name, "sh", "-c", script]);
  await until(
    "the container has it",
    async () => (await inContainer("cat /app/deep/er/new.txt")).stdout === "here\n",
  );
  await inContainer("chmod +x /app/a.txt; rm -r /app/deep; echo there > /app/back.txt");
  await untilText(`${here}/back.txt`, "there\n");
  await untilText(`${here}/deep/er/new.txt`, undefined);
  // Past the agent, which would look at everything before an exec of its own.
  const listed = async () =>
    (await direct.ok(["exec", name, "sh", "-c", "cd /app; ls -d *"])).split("\n");
  await Deno.rename(`${here}/back.txt`, `${here}/Back.txt`);
  await until("only its new name is there", async () => {
    const found = await listed();
    return found.includes("Back.txt") && !found.includes("back.txt");
  });
  await inContainer("mv /app/Back.txt /app/BACK.txt");
  await until("and the newest is here", () => names(here).join() === "BACK.txt,a.txt");
  // Windows has no such bit: the one that was set over there stays.
  await write(here, { "a.txt": "longer\n" });
  await until(
    "it came, and may be run",
    async () => (await inContainer("test -x /app/a.txt && cat /app/a.txt")).stdout === "longer\n",
  );
});

onWindows("what Windows cannot have is told, and the rest goes on", async (bench) => {
  const { docker, direct, agent, here, there } = bench;
  const name = uniqueName("odd");
  await using _ = cleanup(direct, [name]);
  await docker.ok(["run", "-d", "--name", name, "-v", `${there}:/app`, "bb", "sleep", "600"]);
  const script = "cd /app; echo x > a:b; echo x > NUL.txt; echo x > dot.; echo x > A.TXT; " +
    "ln -s /etc/passwd abs; ln -s nothing/a:b odd; echo z > z.txt";
  await docker.ok(["exec", name, "sh", "-c", script]);
  await untilText(`${here}/z.txt`, "z\n");
  for (
    const reason of [
      /Not synced: \\"a:b\\": Windows refuses this name/,
      /Not synced: \\"NUL.txt\\": Windows reserves this name/,
      /Not synced: \\"dot.\\": Windows refuses this name/,
      /Not synced: \\"A.TXT\\": differs from \\"a.txt\\" only in case/,
      /Not synced: \\"abs\\": its target \\"\/etc\/passwd\\" is no path on Windows/,
      /Not synced: \\"odd\\": its target \\"nothing\/a:b\\" is no path on Windows/,
    ]
  ) await agent.child.waitFor(reason);
  assertEquals(await Deno.readTextFile(`${here}/a.txt`), "a\n");
  const { stderr } = agent.child.soFar;
  assertEquals(/has stopped/.test(stderr), false, stderr);
});

onWindows("a file that a program holds open waits, and no other with it", async (bench) => {
  const { wine, docker, direct, agent, here, there } = bench;
  const name = uniqueName("held");
  await using _ = cleanup(direct, [name]);
  await docker.ok(["run", "-d", "--name", name, "-v", `${there}:/app`, "bb", "sleep", "600"]);
  const holder = wine.script("tests/support/hold_file.ts", [`${there}\\a.txt`]);
  await holder.child.waitFor(/holding/, 300_000);
  await docker.ok(["exec", name, "sh", "-c", "echo new > /app/a.txt; echo other > /app/other"]);
  await untilText(`${here}/other`, "other\n");
  await agent.child.waitFor(/Cannot write \\"C:\\\\users\\\\root\\\\src\\\\a.txt\\"/);
  assertEquals(await Deno.readTextFile(`${here}/a.txt`), "a\n");
  await holder.ctrlC();
  await untilText(`${here}/a.txt`, "new\n");
});
