/** Requests that no docker CLI makes, and other programs do: the agent answers as the engine does. */
import { assertEquals } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { type Bench, endToEnd } from "../support/e2e.ts";
import { until } from "../support/poll.ts";
import { request } from "../support/raw_http.ts";

const test = await endToEnd();

const json = (value: unknown) => encodeURIComponent(JSON.stringify(value));

/** Request line and body; none of them has an effect. */
const REQUESTS: readonly (readonly [line: string, body?: string])[] = [
  ["GET /v1.41.0/containers/json?limit=x"],
  ["POST /v1/containers/create", "{}"],
  ["POST /containers/create"],
  ["POST /containers/create", '{"Image":"NOPE!!","HostConfig":{"PublishAllPorts":true}}'],
  ["POST /containers/create", '{"Image":"bb","HostConfig":{"Binds":["C:\\\\x:/x"]}}'],
  [
    "POST /containers/create",
    '{"Image":"bb","HostConfig":{"Mounts":[{"Type":"bind","Source":"C:\\\\x","Target":"/x"}]}}',
  ],
  [`GET /containers/json?limit=x&filters=${json({ publish: ["80"] })}`],
  [`GET /containers/json?all=1;x&filters=${json({ publish: ["80"] })}`],
  [`GET /containers/json?all=%zz&filters=${json({ publish: ["80"] })}`],
  ["GET /events?until=1&since=%zz"],
];

test("what is wrong with a request is told in the engine's words", async ({ agent, rig }) => {
  for (const [line, body] of REQUESTS) {
    const headers = line.startsWith("POST") ? ["Content-Type: application/json"] : [];
    const ask = async (socket: string) => {
      const answer = await request(socket, line, { headers, ...(body && { body }) });
      return [line, answer.status, answer.body];
    };
    assertEquals(await ask(agent.socket), await ask(rig.directSocket));
  }
});

test("a port that is written without its protocol is published", async ({ agent, docker }) => {
  const name = uniqueName("same");
  const body = JSON.stringify({
    Image: "bb:httpd", // exposes 80/tcp
    ExposedPorts: { "81": {} },
    HostConfig: { PortBindings: { "81": [{ HostIp: "127.0.0.1", HostPort: "" }] } },
  });
  const headers = ["Content-Type: application/json"];
  const line = `POST /containers/create?name=${name}`;
  const created = await request(agent.socket, line, { headers, body });
  assertEquals(created.status, 201, created.body);
  try {
    await docker.ok(["start", name]);
    await docker.ok(["exec", "-d", name, "httpd", "-f", "-p", "81", "-h", "/www"]);
    const port = await docker.ok(["port", name, "81/tcp"]);
    await until("the page is there", async () => {
      const page = await fetch(`http://${port}/`).then((answer) => answer.text(), () => "");
      return page.startsWith("hello");
    });
  } finally {
    await docker.ok(["rm", "-f", name]);
  }
});

test("an image made of a container shows no label of ours", async ({ docker }: Bench) => {
  const name = uniqueName("same");
  const directory = await Deno.makeTempDir({ prefix: "rda-same-" });
  try {
    const create = ["create", "--name", name, "-p", "127.0.0.1::80", "-v", `${directory}:/x`];
    await docker.ok([...create, "--label", "own=1", "bb:httpd"]);
    await docker.ok(["commit", name, name]);
    const format = "{{json .Config.Labels}}";
    assertEquals(await docker.ok(["image", "inspect", "-f", format, name]), '{"own":"1"}');
    assertEquals(await docker.ok(["ps", "-aq", "--filter", `volume=${directory}`]) !== "", true);
  } finally {
    await docker.run(["rm", "-f", name]);
    await docker.run(["rmi", name]);
    await Deno.remove(directory, { recursive: true });
  }
});
