/** Every way to publish a port: it arrives on localhost, and nowhere else. */
import { startAgent } from "../support/agent.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { type Bench, endToEnd } from "../support/e2e.ts";
import { freePort, freePorts } from "../support/free_ports.ts";
import { until } from "../support/poll.ts";
import {
  cleanup,
  fetchPort,
  HAS_IPV6,
  isRefused,
  portLines,
  WEB,
  webOn,
} from "../support/published.ts";
import { currentWay } from "../support/way.ts";

const test = await endToEnd();
const agentOnly = true;

/** Nothing but what agents come in by listens on the remote host beyond its loopback. */
async function assertNothingExposed({ rig }: Bench): Promise<void> {
  const listening = await rig.verb("exec", "ss", "-Hltnu");
  const exposed = listening.split("\n").filter((line) =>
    line.trim() !== "" && !/\s(0\.0\.0\.0|\[::\]):22\s/.test(line) &&
    !line.includes(`:${currentWay()?.door} `) &&
    !/\s(127\.\d+\.\d+\.\d+|\[::1\]):\d+\s/.test(line)
  );
  assertEquals(exposed, []);
}

for (const cli of ["current", "debian"] as const) {
  const name = `-p 8080:80 answers as soon as run returns (${cli} docker CLI)`;
  test(name, { agentOnly, cli }, answersAtOnce);
}

async function answersAtOnce(bench: Bench): Promise<void> {
  const { docker } = bench;
  const [name, port] = [uniqueName("web"), freePort()];
  await using _ = cleanup(docker, [name]);
  const id = await docker.ok(["run", "-d", "--name", name, "-p", `${port}:80`, ...WEB]);
  assertEquals(await fetchPort(port), id.slice(0, 12));
  await assertNothingExposed(bench);
  assertMatch(await docker.ok(["port", name]), portLines("80/tcp", port));
  const [shown, twin] =
    (await docker.ok(["ps", "--filter", `name=${name}`, "--format", "{{.Ports}}"])).split(", ");
  assertEquals(shown, `127.0.0.1:${port}->80/tcp`);
  assertEquals(twin?.replace(/[[\]]/g, ""), HAS_IPV6 ? `::1:${port}->80/tcp` : undefined);
  // Whatever `localhost` is taken for first.
  if (HAS_IPV6) assertEquals(await fetchPort(port, "::1"), id.slice(0, 12));
}

test("-p 127.0.0.1::80 gets a free port, told by docker port", { agentOnly }, async (bench) => {
  const { docker } = bench;
  const name = uniqueName("web");
  await using _ = cleanup(docker, [name]);
  const id = await docker.ok(["run", "-d", "--name", name, "-p", "127.0.0.1::80", ...WEB]);
  const told = await docker.ok(["port", name, "80"]);
  assertMatch(told, /^127\.0\.0\.1:\d+$/);
  assertEquals(await fetchPort(Number(told.split(":")[1])), id.slice(0, 12));
  await assertNothingExposed(bench);
});

test("a range of ports arrives, each on its own", { agentOnly }, async (bench) => {
  const { docker } = bench;
  const name = uniqueName("range");
  const ports = freePorts(4);
  const [first, last] = [ports[0], ports[3]];
  await using _ = cleanup(docker, [name]);
  const serve = [8000, 8001, 8002, 8003].map((port) => webOn(port, `${port}`)).join(" & ");
  const publish = ["-p", `${first}-${last}:8000-8003`];
  await docker.ok(["run", "-d", "--name", name, ...publish, "bb", "sh", "-c", `${serve} & wait`]);
  for (const [index, port] of ports.entries()) {
    assertEquals(await fetchPort(port), `${8000 + index}`);
  }
  await assertNothingExposed(bench);
});

test(
  "one container port with a range of local ports takes a free one",
  { agentOnly },
  async (bench) => {
    const { docker } = bench;
    const names = [uniqueName("a"), uniqueName("b")];
    const [first, last] = freePorts(2);
    await using _ = cleanup(docker, names);
    for (const [index, name] of names.entries()) {
      const publish = ["-p", `${first}-${last}:80`];
      const id = await docker.ok(["run", "-d", "--name", name, ...publish, ...WEB]);
      assertEquals(await fetchPort((first ?? 0) + index), id.slice(0, 12));
    }
  },
);

test("-P publishes what image and request expose", { agentOnly }, async (bench) => {
  const { docker } = bench;
  const name = uniqueName("all");
  await using _ = cleanup(docker, [name]);
  await docker.ok(["run", "-d", "--name", name, "-P", "--expose", "81", "bb:httpd"]);
  const all = (await docker.ok(["port", name])).split("\n").sort();
  const told = all.filter((line) => line.includes("127.0.0.1"));
  assertEquals(told.map((line) => line.replace(/\d+$/, "N")), [
    "80/tcp -> 127.0.0.1:N",
    "81/tcp -> 127.0.0.1:N",
  ]);
  assertStringIncludes(await fetchPort(Number(told[0]?.split(":")[1])), "hello from");
  await assertNothingExposed(bench);
  const isAll = await docker.ok(["inspect", "-f", "{{.HostConfig.PublishAllPorts}}", name]);
  assertEquals(isAll, "true");
});

test("-p [::1]:8080:80 listens on IPv6", { agentOnly }, async (bench) => {
  const { docker } = bench;
  const [name, port] = [uniqueName("six"), freePort()];
  await using _ = cleanup(docker, [name]);
  const id = await docker.ok(["run", "-d", "--name", name, "-p", `[::1]:${port}:80`, ...WEB]);
  assertEquals(await fetchPort(port, "::1"), id.slice(0, 12));
  assert(await isRefused(port), "nobody listens on IPv4");
  assertEquals(await docker.ok(["port", name]), `80/tcp -> [::1]:${port}`);
  await assertNothingExposed(bench);
});

test("two ports of one container, and two local ports for one", { agentOnly }, async (bench) => {
  const { docker } = bench;
  const name = uniqueName("two");
  const [a, b, c] = freePorts(3);
  await using _ = cleanup(docker, [name]);
  const publish = ["-p", `${a}:80`, "-p", `${b}:81`, "-p", `${c}:81`];
  const serve = `${webOn(80, "eighty")} & ${webOn(81, "eighty-one")} & wait`;
  await docker.ok(["run", "-d", "--name", name, ...publish, "bb", "sh", "-c", serve]);
  assertEquals(await fetchPort(a ?? 0), "eighty");
  assertEquals(await fetchPort(b ?? 0), "eighty-one");
  assertEquals(await fetchPort(c ?? 0), "eighty-one");
});

test("fifty containers start at once and all answer", { agentOnly }, async (bench) => {
  const { docker } = bench;
  const ports = freePorts(50);
  const names = ports.map((port) => uniqueName(`many-${port}`));
  await using _ = cleanup(docker, names);
  const ids = await Promise.all(ports.map((port, index) => {
    const args = ["run", "-d", "--name", names[index] ?? "", "-p", `${port}:80`, ...WEB];
    return docker.ok(args, { timeoutMs: 400_000 });
  }));
  for (const [index, port] of ports.entries()) {
    assertEquals(await fetchPort(port), ids[index]?.slice(0, 12));
  }
  await assertNothingExposed(bench);
});

test("publish-mode off leaves ports on the remote host", {
  agentOnly,
  flags: { "publish-mode": "off" },
}, async ({ docker, rig }) => {
  const [name, port] = [uniqueName("off"), freePort()];
  await using _ = cleanup(docker, [name]);
  await docker.ok(["run", "-d", "--name", name, "-p", `${port}:80`, ...WEB]);
  assert(await isRefused(port));
  assertStringIncludes(await rig.verb("exec", "ss", "-Hltn"), `0.0.0.0:${port}`);
});

test("publish-mode same binds the port there as well as here", {
  agentOnly,
  flags: { "publish-mode": "same" },
}, async ({ docker, rig }) => {
  const [name, port] = [uniqueName("same"), freePort()];
  await using _ = cleanup(docker, [name]);
  const publish = ["-p", `127.0.0.1:${port}:80`, "-p", "127.0.0.1::81"];
  const id = await docker.ok(["run", "-d", "--name", name, ...publish, ...WEB]);
  assertEquals(await fetchPort(port), id.slice(0, 12));
  assertStringIncludes(await rig.verb("exec", "ss", "-Hltn"), `127.0.0.1:${port}`);
  // What the engine chooses there may be taken here; the next time it chooses another one.
  const isTheSameHere = async () => {
    const chosen = Number((await docker.ok(["port", name, "81"])).split(":")[1]);
    if (!await isRefused(chosen)) return true;
    await docker.ok(["restart", "-t", "0", name]);
    return false;
  };
  await until("the port that the engine chose is the same here", isTheSameHere);
});

test("two people on one host want the same port", { agentOnly }, async (bench) => {
  const { docker, rig } = bench;
  const [mine, theirs, port] = [uniqueName("mine"), uniqueName("theirs"), freePort()];
  const home = await Deno.makeTempDir({ prefix: "rda-other-" });
  // The other one sits at this machine too, so at another address of it.
  const flags = { "publish-address": "127.0.0.2" };
  try {
    await using other = await startAgent(rig, flags, { XDG_STATE_HOME: home });
    await using cli = await other.docker("debian");
    await using _ = cleanup(bench.direct, [mine, theirs]);
    const run = (name: string) => ["run", "-d", "--name", name, "-p", `${port}:80`, ...WEB];
    const [a, b] = await Promise.all([docker.ok(run(mine)), cli.ok(run(theirs))]);
    assertEquals(await fetchPort(port), a.slice(0, 12));
    assertEquals(await fetchPort(port, "127.0.0.2"), b.slice(0, 12));
    assertEquals(await cli.ok(["port", theirs]), `80/tcp -> 127.0.0.2:${port}`);
    await assertNothingExposed(bench);
    await cli.ok(["restart", "-t", "0", mine]);
    // The first agent hears of it from the engine, a moment later.
    await until("the port is there again", () => fetchPort(port));
    assertEquals(await fetchPort(port, "127.0.0.2"), b.slice(0, 12));
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
