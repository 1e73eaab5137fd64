/**
 * `deno task tour`: runs the commands of the README's tour against a real remote host on this machine and
 * draws what the terminal shows as `docs/tour.svg`. Nothing in it is made up.
 */
import { cleanEnvironment, flagList, rigFlags } from "../tests/support/agent.ts";
import { freePort } from "../tests/support/free_ports.ts";
import { Child, runCommand } from "../tests/support/child.ts";
import { programCommand } from "../tests/support/program.ts";
import { rigDown, rigUp } from "../tests/support/rig.ts";
import { drawTerminal } from "./support/terminal_svg.ts";

const PICTURE = new URL("../docs/tour.svg", import.meta.url);
const RIG = "tour";
/** What the picture says in place of the host's address. */
const HOST = "gpu.example.com";

/** As a user types it, and as it is run here. */
interface Step {
  readonly typed: string;
  readonly script: string;
}

async function record(): Promise<string[]> {
  const rig = await rigUp(RIG);
  const folder = await Deno.makeTempDir({ prefix: "rda-tour-" });
  const port = freePort();
  const [program, ...first] = programCommand();
  const env = {
    ...cleanEnvironment(),
    XDG_RUNTIME_DIR: folder,
    XDG_STATE_HOME: `${folder}/state`,
    HOME: folder,
  };
  const flags = flagList({ ...rigFlags(rig), "log-level": "warn", listen: `127.0.0.1:${port}` });
  const agent = new Child(program, [...first, "start", ...flags], { env });
  try {
    await agent.waitFor(/DOCKER_HOST/);
    await Deno.mkdir(`${folder}/src`);
    await Deno.writeTextFile(`${folder}/src/hello.txt`, "hello from my laptop\n");
    const agentLine = [program, ...first].map((word) => `'${word}'`).join(" ");
    const lines = [`$ remote-docker-agent --ssh-host dev@${HOST} &`];
    for (const { typed, script } of steps(agentLine)) {
      const done = await runCommand("bash", ["-c", script], {
        cwd: folder,
        env: { ...env, DOCKER_HOST: `tcp://127.0.0.1:${port}` },
      });
      const shown = `${done.stdout}${done.stderr}`.split("\n").filter((line) => line !== "");
      lines.push(`$ ${typed}`, ...shown.map((line) => line.replaceAll(rig.address, HOST)));
    }
    return lines;
  } finally {
    await agent.stop();
    rigDown(RIG);
    await Deno.remove(folder, { recursive: true });
  }
}

function steps(agent: string): Step[] {
  return [
    "export DOCKER_HOST=tcp://127.0.0.1:2375|true",
    "docker run -d --name web -p 8080:80 bb:httpd|docker run -d --name web -p 8080:80 bb:httpd | cut -c1-12",
    "curl localhost:8080|curl -s localhost:8080",
    'docker ps --format "{{.Names}}  {{.Status}}  {{.Ports}}"',
    "docker run --rm -v ./src:/app bb sh -c 'cat /app/hello.txt; echo built there > /app/out.txt'",
    "cat src/out.txt",
    `remote-docker-agent forwards|${agent} forwards`,
    "docker rm -f web",
  ].map((line) => {
    const [typed = "", script = typed] = line.split(/\|(?! )(.*)/s);
    return { typed, script };
  });
}

if (import.meta.main) {
  const lines = await record();
  console.log(lines.join("\n"));
  await Deno.writeTextFile(PICTURE, drawTerminal(lines));
}
