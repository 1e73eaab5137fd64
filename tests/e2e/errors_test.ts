/** What goes wrong at the engine is told in the engine's own words. */
import { assertEquals, assertNotEquals } from "../support/assert.ts";
import { sameAsDirect, uniqueName, withoutRacyLines } from "../support/compare.ts";
import type { DockerCli } from "../support/docker_cli.ts";
import { endToEnd } from "../support/e2e.ts";
import { request } from "../support/raw_http.ts";

const test = await endToEnd();

/** What is another one each time: the id of a container that holds a name, the port of a lookup. */
function withoutIds(text: string): string {
  return text.replaceAll(/[0-9a-f]{64}|[0-9a-f]{12}\b/g, "<id>")
    .replaceAll(/(?<=read udp \S+:)\d+(?=->)/g, "<port>");
}

const REFUSED: readonly (readonly string[])[] = [
  ["inspect", "no-such-thing"],
  ["start", "no-such-container"],
  ["stop", "no-such-container"],
  ["rm", "no-such-container"],
  ["logs", "no-such-container"],
  ["attach", "no-such-container"],
  ["cp", "no-such-container:/etc/passwd", "-"],
  ["image", "inspect", "no-such-image"],
  ["rmi", "no-such-image"],
  ["history", "no-such-image"],
  ["run", "UPPER/case"],
  ["run", "bb:"],
  ["tag", "bb", "not a name"],
  ["run", "-d", "--rm", "--restart", "always", "bb"],
  ["run", "--memory", "1", "bb"],
  ["run", "--cpus", "1000", "bb"],
  ["run", "--name", "bad/name", "bb"],
  ["run", "-v", "relative/path/", "-v", "/a:/b:bad-mode", "bb"],
  ["run", "-p", "99999:80", "bb"],
  ["network", "rm", "bridge"],
  ["network", "create", "bridge"],
  ["volume", "rm", "no-such-volume"],
  ["pull", "localhost:1/no-such-registry"],
  ["no-such-command"],
];

test.withEachCli("what the engine refuses is refused in the same words", async (bench) => {
  for (const command of REFUSED) {
    const { code } = await sameAsDirect(bench, command, { normalize: withoutIds });
    assertNotEquals(code, 0, command.join(" "));
  }
});

test.withEachCli("a name that is taken is refused in the same words", async (bench) => {
  const name = uniqueName("taken");
  await bench.direct.ok(["create", "--name", name, "bb"]);
  try {
    const again = ["run", "--name", name, "bb"];
    assertEquals((await sameAsDirect(bench, again, { normalize: withoutIds })).code, 125);
  } finally {
    await bench.direct.run(["rm", "-f", name]);
  }
});

/** Publishes one port twice; returns how the second time ends. */
async function publishTwice(docker: DockerCli): Promise<{ code: number; stderr: string }> {
  const names = [uniqueName("port"), uniqueName("port")] as const;
  const publish = ["-p", "127.0.0.1:18080:80", "bb:httpd"];
  try {
    await docker.ok(["run", "-d", "--name", names[0], ...publish]);
    const { code, stderr } = await docker.run(["run", "-d", "--name", names[1], ...publish]);
    return { code, stderr: withoutIds(withoutRacyLines(stderr)).replaceAll(names[1], "<name>") };
  } finally {
    await docker.run(["rm", "-f", ...names]);
  }
}

test.withEachCli("a port that is taken is refused in the same words", async ({ docker, direct }) => {
  const through = await publishTwice(docker);
  assertEquals(through, await publishTwice(direct));
  assertEquals(through.code, 125);
});

const REQUESTS = [
  "GET /containers/none/json",
  "GET /v1.41/images/none/json",
  "GET /v1.99/version",
  "GET /no/such/route",
  "PUT /containers/json",
  "POST /containers/none/start",
  "GET /containers/json?all=maybe&limit=x",
  "HEAD /_ping",
] as const;

test("raw requests get the status, head and body of the engine", async ({ rig, agent }) => {
  for (const line of REQUESTS) {
    const through = await request(agent.socket, line);
    const direct = await request(rig.directSocket, line);
    const form = (head: string) => head.replace(/\r\nDate: [^\r]+/, "");
    assertEquals(
      [line, through.status, form(through.head), through.body],
      [line, direct.status, form(direct.head), direct.body],
    );
  }
});

test("a create body that is not JSON is refused here: its ports cannot be known", async (bench) => {
  for (const body of ["{", "nonsense", '{"Image":"bb"} {"Image":"bb"}']) {
    const options = { body, headers: ["Content-Type: application/json"] };
    const reply = await request(bench.agent.socket, "POST /v1.41/containers/create", options);
    assertEquals([body, reply.status], [body, 400]);
    assertEquals(JSON.parse(reply.body).message, "The request body is not valid JSON");
  }
});

test("a create body that makes no sense is the engine's to judge", async ({ rig, agent }) => {
  for (const body of ["[]", '{"Image":1}', '{"Image":"no-such-image"}']) {
    const options = { body, headers: ["Content-Type: application/json"] };
    const line = "POST /v1.41/containers/create";
    const through = await request(agent.socket, line, options);
    const direct = await request(rig.directSocket, line, options);
    assertEquals([body, through.status, through.body], [body, direct.status, direct.body]);
  }
});
