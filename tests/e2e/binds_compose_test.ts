/** docker-compose with services that share a folder. */
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { runCommand } from "../support/child.ts";
import { uniqueName } from "../support/compare.ts";
import { type Bench, endToEnd } from "../support/e2e.ts";
import { folder, stateVars, textOf, untilText, write } from "../support/folders.ts";

const COMPOSE = "/usr/bin/docker-compose";
const test = await endToEnd();
const vars = await stateVars();

/** Debian's compose 1.29; the rig installs it where it is missing. */
async function haveCompose({ rig }: Bench): Promise<void> {
  const there = await Deno.stat(COMPOSE).then(() => true, () => false);
  if (!there) await rig.verb("pkg", "docker-compose");
}

test("two services share ./src, and compose sees nothing to recreate", {
  agentOnly: true,
  vars,
}, async (bench) => {
  await haveCompose(bench);
  await using project = await folder({ "src/in.txt": "one" });
  const service = (script: string) => ({
    image: "bb",
    command: ["sh", "-c", script],
    volumes: ["./src:/app"],
    stop_grace_period: "0s",
  });
  const waitFor = "while [ ! -e /app/made ]; do sleep 0.1; done; cp /app/made /app/seen; sleep 600";
  const file = {
    version: "2.4",
    services: { maker: service("cp /app/in.txt /app/made; sleep 600"), user: service(waitFor) },
  };
  await write(project.path, { "docker-compose.json": JSON.stringify(file) });
  const name = uniqueName("rda");
  const compose = async (...args: string[]) => {
    const all = ["-p", name, "-f", `${project.path}/docker-compose.json`, ...args];
    const options = { env: bench.docker.env(), timeoutMs: 60_000 };
    const { code, stdout, stderr } = await runCommand(COMPOSE, all, options);
    assertEquals(code, 0, stderr);
    return stdout + stderr;
  };
  try {
    await compose("up", "-d");
    await untilText(`${project.path}/src/seen`, "one");
    const again = await compose("up", "-d");
    assertStringIncludes(again, "up-to-date");
    assert(!again.includes("Recreating"), again);
    await write(project.path, { "src/in.txt": "two" });
    assertEquals((await compose("exec", "-T", "user", "cat", "/app/in.txt")).trim(), "two");
    await compose("exec", "-T", "user", "sh", "-c", "echo x >/app/out.txt");
    assertEquals(await textOf(`${project.path}/src/out.txt`), "x\n");
  } finally {
    await compose("down", "-t", "0");
  }
});
