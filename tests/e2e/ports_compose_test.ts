/** Compose through the agent: services, scaling, and what compose reads back. */
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { Compose } from "../support/compose.ts";
import { endToEnd } from "../support/e2e.ts";
import { freePorts } from "../support/free_ports.ts";
import { fetchPort, untilRefused, webOn } from "../support/published.ts";

const test = await endToEnd();

test("compose up publishes two services, down takes them away", {
  agentOnly: true,
}, async (bench) => {
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
  const compose = await Compose.of(bench, uniqueName("rda"), `${directory}/docker-compose.json`);
  try {
    await compose.ok("up", "-d");
    assertEquals(await fetchPort(web), "web-says");
    assertEquals(await fetchPort(api), "api-says");
    assertEquals(await compose.ok("port", "web", "80"), `127.0.0.1:${web}`);
    assertStringIncludes(await compose.ok("ps"), `127.0.0.1:${api}->8080/tcp`);
    await compose.ok("up", "-d", "--force-recreate", "web");
    assertEquals(await fetchPort(web), "web-says");
    await compose.ok("stop", "-t", "0");
    await untilRefused(web);
    await compose.ok("start");
    assertEquals(await fetchPort(api), "api-says");
  } finally {
    await compose.ok("down", "-t", "0");
    await Deno.remove(directory, { recursive: true });
  }
  await untilRefused(web);
});
