/** `docker-compose up` through the agent: services, scaling, and what compose reads back. */
import { assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { runCommand } from "../support/child.ts";
import { uniqueName } from "../support/compare.ts";
import { type Bench, endToEnd } from "../support/e2e.ts";
import { freePorts } from "../support/free_ports.ts";
import { fetchPort, untilRefused, webOn } from "../support/published.ts";

const COMPOSE = "/usr/bin/docker-compose";
const test = await endToEnd();

/** Debian's compose 1.29; the rig installs it where it is missing. */
async function haveCompose({ rig }: Bench): Promise<void> {
  const there = await Deno.stat(COMPOSE).then(() => true, () => false);
  if (!there) await rig.verb("pkg", "docker-compose");
}

test("docker-compose up publishes two services, down takes them away", {
  agentOnly: true,
}, async (bench) => {
  await haveCompose(bench);
  const directory = await Deno.makeTempDir({ prefix: "rda-compose-" });
  const [web = 0, api = 0] = freePorts(2);
  const service = (port: number, inner: number, text: string) => ({
    image: "bb",
    command: ["sh", "-c", webOn(inner, text)],
    ports: [`${port}:${inner}`],
    stop_grace_period: "0s",
  });
  const file = {
    version: "2.4",
    services: { web: service(web, 80, "web-says"), api: service(api, 8080, "api-says") },
  };
  await Deno.writeTextFile(`${directory}/docker-compose.json`, JSON.stringify(file));
  const compose = async (...args: string[]) => {
    const project = ["-p", name, "-f", `${directory}/docker-compose.json`];
    const options = { env: bench.docker.env(), timeoutMs: 60_000 };
    const { code, stdout, stderr } = await runCommand(COMPOSE, [...project, ...args], options);
    assertEquals(code, 0, stderr);
    return stdout;
  };
  const name = uniqueName("rda");
  try {
    await compose("up", "-d");
    assertEquals(await fetchPort(web), "web-says");
    assertEquals(await fetchPort(api), "api-says");
    assertMatch((await compose("port", "web", "80")).trim(), new RegExp(`^127.0.0.1:${web}$`));
    assertStringIncludes(await compose("ps"), `127.0.0.1:${api}->8080/tcp`);
    await compose("up", "-d", "--force-recreate", "web");
    assertEquals(await fetchPort(web), "web-says");
    await compose("stop", "-t", "0");
    await untilRefused(web);
    await compose("start");
    assertEquals(await fetchPort(api), "api-says");
  } finally {
    await compose("down", "-t", "0");
    await Deno.remove(directory, { recursive: true });
  }
  await untilRefused(web);
});
