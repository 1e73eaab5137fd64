/** Compose with services that share a folder. */
import { assertEquals } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { Compose } from "../support/compose.ts";
import { endToEnd } from "../support/e2e.ts";
import { folder, stateVars, textOf, untilText, write } from "../support/folders.ts";

const test = await endToEnd();
const vars = await stateVars();

test("two services share ./src, and compose sees nothing to recreate", {
  agentOnly: true,
  vars,
}, async (bench) => {
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
  const compose = await Compose.of(
    bench,
    uniqueName("rda"),
    `${project.path}/docker-compose.json`,
  );
  const ids = async () => (await compose.ok("ps", "-q")).split("\n").sort();
  try {
    await compose.ok("up", "-d");
    await untilText(`${project.path}/src/seen`, "one");
    const made = await ids();
    await compose.ok("up", "-d");
    assertEquals(await ids(), made);
    await write(project.path, { "src/in.txt": "two" });
    assertEquals(await compose.ok("exec", "-T", "user", "cat", "/app/in.txt"), "two");
    await compose.ok("exec", "-T", "user", "sh", "-c", "echo x >/app/out.txt");
    assertEquals(await textOf(`${project.path}/src/out.txt`), "x\n");
  } finally {
    await compose.ok("down", "-t", "0");
  }
});
