/** The questions every docker session begins with have the answers of a direct connection. */
import { assertEquals } from "../support/assert.ts";
import { sameAsDirect, sortLines } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";

const test = await endToEnd();

test.withEachCli("version, info and the listings are those of the engine", async (bench) => {
  const commands = [
    ["version"],
    ["info", "--format", "{{.ID}} {{.Name}} {{.ServerVersion}} {{.Driver}} {{.DockerRootDir}}"],
    ["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Image}} {{.Command}} {{.Names}}"],
    ["images", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}} {{.Size}}"],
    ["network", "ls"],
    ["volume", "ls"],
    ["image", "inspect", "bb:latest"],
  ];
  for (const command of commands) await sameAsDirect(bench, command, { normalize: sortLines });
});

test.withEachCli("the TCP listener answers as the Unix socket does", async (bench) => {
  await using tcp = await bench.agent.docker(bench.docker.cli, "tcp");
  assertEquals(await tcp.run(["version"]), await bench.direct.run(["version"]));
});
