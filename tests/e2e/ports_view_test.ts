/** What users see of published ports: what they asked for, and nothing of how it is done. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";
import { freePort, freePorts } from "../support/free_ports.ts";
import { until } from "../support/poll.ts";
import { request } from "../support/raw_http.ts";
import { cleanup, HAS_IPV6, WEB } from "../support/published.ts";

const test = await endToEnd();
const agentOnly = true;
const LABEL = "remote-docker-agent";

test("inspect shows the request and the local address", { agentOnly }, async (bench) => {
  const { docker, agent } = bench;
  const [name, port] = [uniqueName("seen"), freePort()];
  await using _ = cleanup(docker, [name]);
  await docker.ok(["create", "--name", name, "--label", "mine=1", "-p", `${port}:80`, ...WEB]);
  const inspect = async () =>
    JSON.parse((await request(agent.socket, `GET /containers/${name}/json`)).body);
  const created = await inspect();
  assertEquals(created.HostConfig.PortBindings, {
    "80/tcp": [{ HostIp: "", HostPort: `${port}` }],
  });
  assertEquals(created.Config.Labels, { mine: "1" });
  await docker.ok(["start", name]);
  const running = await inspect();
  assertEquals(running.HostConfig.PortBindings, created.HostConfig.PortBindings);
  assertEquals(running.HostConfig.PublishAllPorts, false);
  assertEquals(running.NetworkSettings.Ports, {
    "80/tcp": ["127.0.0.1", ...(HAS_IPV6 ? ["::1"] : [])]
      .map((HostIp) => ({ HostIp, HostPort: `${port}` })),
  });
  const seen = await request(agent.socket, "GET /system/df");
  // Images made of containers by other tests keep the label, emptied.
  const { Containers: containers } = JSON.parse(seen.body);
  assert(!JSON.stringify(containers).includes(LABEL), "not in the disk usage either");
});

test("lists show local ports, and publish= is about them", { agentOnly }, async (bench) => {
  const { docker, agent, direct } = bench;
  const names = [uniqueName("one"), uniqueName("two")];
  const [first, second] = freePorts(2);
  await using _ = cleanup(docker, names);
  await docker.ok(["run", "-d", "--name", names[0] ?? "", "-p", `${first}:80`, ...WEB]);
  await docker.ok(["run", "-d", "--name", names[1] ?? "", "-p", `${second}:80`, ...WEB]);
  const list = async (filters: unknown, rest = "") => {
    const query = `filters=${encodeURIComponent(JSON.stringify(filters))}${rest}`;
    const { status, body } = await request(agent.socket, `GET /v1.41/containers/json?${query}`);
    assertEquals(status, 200, body);
    assert(!body.includes(LABEL), body);
    return JSON.parse(body).map((each: { Names: string[] }) => each.Names[0]?.slice(1));
  };
  assertEquals(await list({ publish: [`${first}`] }), [names[0]]);
  assertEquals(await list({ publish: [`${second}/tcp`] }), [names[1]]);
  assertEquals(await list({ publish: { [`${first}-${second}/tcp`]: true } }), names.toReversed());
  assertEquals(await list({ publish: [`${first}-${second}`] }, "&limit=1"), [names[1]]);
  assertEquals(await list({ publish: [`${first}/udp`] }), []);
  assertEquals(await list({ expose: ["80"], name: names }), names.toReversed());
  const args = ["ps", "--filter", "publish=x", "-q"];
  const [through, straight] = [await docker.run(args), await direct.run(args)];
  assertEquals(through.stderr, straight.stderr);
});

test("events do not carry our label", { agentOnly }, async ({ docker, agent }) => {
  const name = uniqueName("event");
  await using _ = cleanup(docker, [name]);
  const labelled = ["--label", "mine=1", "-p", "127.0.0.1::80"];
  await docker.ok(["run", "-d", "--name", name, ...labelled, ...WEB]);
  await docker.ok(["rm", "-f", name]);
  const filters = encodeURIComponent(JSON.stringify({ container: [name] }));
  const until = Math.ceil(Date.now() / 1000) + 1;
  const line = `GET /v1.41/events?since=${until - 60}&until=${until}&filters=${filters}`;
  const { body } = await request(agent.socket, line);
  const events = body.trim().split("\n").map((each) => JSON.parse(each));
  const actions = events.map(({ Action }) => Action);
  for (const action of ["create", "start", "die", "destroy"]) {
    assert(actions.includes(action), body);
  }
  assertEquals(events[0].Actor.Attributes.mine, "1");
  assert(!body.includes(LABEL), body);
});

test("an image made of a container does not publish its ports", { agentOnly }, async (bench) => {
  const { docker } = bench;
  const [name, child] = [uniqueName("source"), uniqueName("child")];
  const [image, port] = [uniqueName("image"), freePort()];
  await using _ = cleanup(docker, [name, child]);
  await docker.ok(["run", "-d", "--name", name, "-p", `${port}:80`, ...WEB]);
  await docker.ok(["commit", name, image]);
  try {
    await docker.ok(["run", "-d", "--name", child, image]);
    assertEquals(await docker.ok(["port", child]), "");
    assertStringIncludes(await docker.ok(["port", name]), `${port}`);
  } finally {
    await docker.ok(["rm", "-f", name, child]);
    await docker.ok(["rmi", image]);
  }
});

test("a body that cannot be understood is refused, not passed on", { agentOnly }, async (bench) => {
  const { agent } = bench;
  const create = (body: string) =>
    request(agent.socket, "POST /v1.41/containers/create", {
      body,
      headers: ["Content-Type: application/json"],
    });
  const port = freePort();
  const cases: [string, number, RegExp][] = [
    [
      `{"Image":"bb","HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"x"}]}}}`,
      400,
      /port spec/,
    ],
    [`{"Image":"bb","HostConfig":{"PortBindings":{"80/x":[{"HostPort":"1"}]}}}`, 400, /proto/],
    [`{"Image":"bb","HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":80}]}}}`, 400, /string/],
    [
      `{"Image":"bb","HostConfig":{},"hostconfig":{"PortBindings":{"80/tcp":[{"HostPort":"${port}"}]}}}`,
      400,
      /same member/,
    ],
    [`{"Image":`, 400, /JSON/],
  ];
  for (const [body, status, text] of cases) {
    const answer = await create(body);
    assertEquals(answer.status, status, `${body}: ${answer.body}`);
    assertMatch(JSON.parse(answer.body).message, text);
  }
});

test("names are folded as Go folds them, and numbers survive", { agentOnly }, async (bench) => {
  const { agent, direct, rig } = bench;
  const [name, port] = [uniqueName("fold"), freePort()];
  await using _ = cleanup(direct, [name]);
  const body =
    `{"image":"bb:httpd","hoſtconfig":{"portbindings":{"80/tcp":[{"hostport":"${port}"}]},` +
    `"CpuShares":512,"ShmSize":9007199254740993}}`;
  const line = `POST /v1.41/containers/create?name=${name}`;
  const answer = await request(agent.socket, line, {
    body,
    headers: ["Content-Type: application/json"],
  });
  assertEquals(answer.status, 201, answer.body);
  const shown = await direct.ok(["inspect", "-f", "{{json .HostConfig}}", name]);
  assertStringIncludes(shown, `"PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":""}]}`);
  assertStringIncludes(shown, `"ShmSize":9007199254740993`);
  await until("nothing of it listens", async () => {
    return !(await rig.verb("exec", "ss", "-Hltn")).includes(`:${port}`);
  });
});

test("an unknown image with -P is still the CLI's to pull", { agentOnly }, async ({ docker }) => {
  const { code, stderr } = await docker.run(["create", "-P", "no-such-image-here"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Unable to find image 'no-such-image-here:latest' locally");
});
