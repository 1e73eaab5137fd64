/** What is on the disk after a run: state that is meant to stay, and nothing else. */
import { assertEquals } from "../support/assert.ts";
import { cleanEnvironment, flagList, rigFlags } from "../support/agent.ts";
import { Child } from "../support/child.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { programCommand } from "../support/program.ts";

const test = await endToEnd();

/** All files below a folder, by their paths in it. */
function filesIn(folder: string, prefix = ""): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isDirectory }) =>
    isDirectory ? filesIn(`${folder}/${name}`, `${prefix}${name}/`) : [prefix + name]
  ).sort();
}

test.bare("a run leaves nothing behind but its state", {}, async (rig) => {
  const folder = await Deno.makeTempDir({ prefix: "rda-leftovers-" });
  const [home, temporary, runtime] = ["home", "tmp", "run"].map((name) => `${folder}/${name}`);
  for (const path of [home, temporary, runtime]) await Deno.mkdir(path ?? "");
  const socket = `${folder}/docker.sock`;
  const { XDG_STATE_HOME: _shared, ...clean } = cleanEnvironment();
  const env = {
    ...clean,
    HOME: home ?? "",
    TMPDIR: temporary ?? "",
    XDG_RUNTIME_DIR: runtime ?? "",
  };
  const [program, ...first] = programCommand();
  const flags = flagList({ ...rigFlags(rig), listen: `unix://${socket}` });
  try {
    await using agent = new Child(program, [...first, "start", ...flags], { env });
    await agent.waitFor(/DOCKER_HOST/);
    await using docker = await DockerCli.open(defaultCli(), `unix://${socket}`);
    await Deno.mkdir(`${folder}/src`);
    await Deno.writeTextFile(`${folder}/src/file`, "text");
    const args = ["run", "--rm", "-p", "127.0.0.1::80", "-v", `${folder}/src:/src`];
    assertEquals(await docker.ok([...args, "bb", "cat", "/src/file"]), "text");
    assertEquals(await agent.stop(), 0, agent.output);
    assertEquals(filesIn(temporary ?? ""), []);
    assertEquals(filesIn(runtime ?? ""), []);
    const state = filesIn(home ?? "").filter((path) => !path.startsWith(".local/state/"));
    assertEquals(state, []);
    assertEquals(filesIn(folder).filter((path) => !path.startsWith("home/")), ["src/file"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
