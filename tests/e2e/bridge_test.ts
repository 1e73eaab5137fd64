/** The network bridge: containers and addresses behind the remote host through SOCKS and HTTP. */
import { type Agent, spawnAgent, startAgent } from "../support/agent.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { askUdp, curl, socksReply } from "../support/bridge.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { freePort } from "../support/free_ports.ts";
import { hostEntry, HostsAgent } from "../support/hosts.ts";
import { until } from "../support/poll.ts";
import { cleanup, WEB, webOn } from "../support/published.ts";
import type { Rig } from "../support/rig.ts";

const test = await endToEnd();
const agentOnly = { agentOnly: true };
const LOOPBACK = "127.0.0.1";

interface Bridged extends AsyncDisposable {
  readonly agent: Agent;
  readonly socks: number;
  /** Flags of curl, by the way it takes. */
  readonly ways: readonly (readonly string[])[];
  /** The engine, past the agent. */
  readonly direct: DockerCli;
}

/** An agent with both kinds of proxy. */
async function bridged(rig: Rig, flags: Record<string, string> = {}): Promise<Bridged> {
  const [socks, http] = [freePort(), freePort()];
  const agent = await startAgent(rig, {
    socks: `${LOOPBACK}:${socks}`,
    "http-proxy": `${LOOPBACK}:${http}`,
    ...flags,
  });
  const direct = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
  const ways = [
    ["--socks5-hostname", `${LOOPBACK}:${socks}`],
    ["-x", `http://${LOOPBACK}:${http}`],
    ["-p", "-x", `http://${LOOPBACK}:${http}`],
  ];
  const dispose = async () => {
    await direct[Symbol.asyncDispose]();
    await agent.stop();
  };
  return { agent, socks, ways, direct, [Symbol.asyncDispose]: dispose };
}

/** What `url` answers by each of the ways; what curl complains of stands in its place. */
async function fetchAll({ ways }: Bridged, url: string): Promise<string[]> {
  const results = await Promise.all(ways.map((way) => curl(...way, url)));
  return results.map(({ code, stdout, stderr }) => code === 0 ? stdout.trim() : stderr.trim());
}

test.bare("containers by name, in two networks, and by address", agentOnly, async (rig) => {
  await using bridge = await bridged(rig);
  const { direct } = bridge;
  await using _cleanup = cleanup(direct, ["web", "shop-api-1"]);
  await direct.ok(["network", "create", "front"]);
  await direct.ok(["network", "create", "back"]);
  try {
    const id = await direct.ok(["run", "-d", "--name", "web", "--network", "front", ...WEB]);
    await direct.ok(["network", "connect", "back", "web"]);
    const says = id.slice(0, 12);
    const address = await direct.ok([
      ...["inspect", "-f", "{{.NetworkSettings.Networks.back.IPAddress}}", "web"],
    ]);
    await until(
      "the server is up",
      async () => (await fetchAll(bridge, "http://web.docker/"))[0] === says,
    );
    for (
      const host of ["web.docker", "web.front.docker", "web.back.docker", "WEB.docker", address]
    ) {
      assertEquals(await fetchAll(bridge, `http://${host}/`), [says, says, says], host);
    }
    // A service of compose, which says so in labels.
    const labels = { project: "shop", service: "api", "container-number": "1" };
    const api = await direct.ok([
      ...["run", "-d", "--name", "shop-api-1", "--network", "back"],
      ...Object.entries(labels).map(([key, value]) => `--label=com.docker.compose.${key}=${value}`),
      ...WEB,
    ]);
    const apiSays = api.slice(0, 12);
    await until(
      "the service is up",
      async () => (await fetchAll(bridge, "http://api.shop.docker/"))[0] === apiSays,
    );
    // What was learned is forgotten with the event that makes it wrong.
    await direct.ok(["rename", "web", "renamed"]);
    await until(
      "the new name is known",
      async () => (await fetchAll(bridge, "http://renamed.docker/"))[0] === says,
    );
    await direct.ok(["rename", "renamed", "web"]);
    await direct.ok(["network", "disconnect", "back", "web"]);
    await until("the name is gone", async () => {
      const [socks = "", http = ""] = await fetchAll(bridge, "http://web.back.docker/");
      return /SOCKS5.*\(4\)/.test(socks) && /No running container is called/.test(http);
    });
    await until(
      "the other network leads to it",
      async () => (await fetchAll(bridge, "http://web.docker/"))[0] === says,
    );
  } finally {
    await direct.run(["rm", "-f", "web", "shop-api-1"]);
    await direct.ok(["network", "rm", "front", "back"]);
  }
});

test.bare(
  "why a destination cannot be reached: reply codes and statuses",
  agentOnly,
  async (rig) => {
    const file = await Deno.makeTempFile({ suffix: ".yaml" });
    await Deno.writeTextFile(
      file,
      "bridge:\n  - 10.99.0.0/16=refuse\n  - '*.secret.example=refuse'\n",
    );
    try {
      await using bridge = await bridged(rig, { config: file });
      const cases: [string, number, number, number, RegExp][] = [
        [LOOPBACK, 1, 5, 502, /Cannot reach tcp:\/\/127.0.0.1:1 from .*: Connection refused/],
        ["10.99.1.1", 80, 2, 403, /A rule of the bridge refuses 10.99.1.1:80/],
        ["db.secret.example", 80, 2, 403, /A rule of the bridge refuses/],
        ["nobody.docker", 80, 4, 502, /No running container is called "nobody.docker"/],
        ["no-such-name.invalid", 80, 4, 502, /Cannot reach tcp:\/\/no-such-name.invalid:80 from/],
        // The SSH server does not say why when the system refuses at once.
        ["192.0.2.1", 80, 1, 502, /Cannot reach tcp:\/\/192.0.2.1:80 from/],
      ];
      for (const [host, port, code, status, message] of cases) {
        assertEquals(await socksReply(bridge.socks, { host, port }), code, host);
        const [, way = [], tunnel = []] = bridge.ways;
        const plain = await curl(...way, "-w", "%{http_code}", `http://${host}:${port}/`);
        assertMatch(plain.stdout, message);
        assertEquals(plain.stdout.slice(-3), `${status}`, host);
        const connect = await curl(...tunnel, `http://${host}:${port}/`);
        assertMatch(connect.stderr, new RegExp(`response ${status}`), host);
      }
      assertEquals(await socksReply(bridge.socks, { host: LOOPBACK, port: 80 }, 2), 7);
      // The remote host runs neither python3 nor perl.
      assertEquals(await socksReply(bridge.socks, { host: LOOPBACK, port: 0 }, 3), 7);
      await bridge.agent.waitForLog(/Cannot carry datagrams: .*neither python3 nor perl/);
    } finally {
      await Deno.remove(file);
    }
  },
);

test.bare("only users of the file get in", agentOnly, async (rig) => {
  const users = await Deno.makeTempFile();
  await Deno.writeTextFile(users, "dev:s3cret\n");
  await Deno.chmod(users, 0o600);
  try {
    await using bridge = await bridged(rig, { "bridge-users": users });
    await using _cleanup = cleanup(bridge.direct, ["web"]);
    await bridge.direct.ok(["run", "-d", "--name", "web", ...WEB]);
    const [socks = [], http = []] = bridge.ways;
    const url = "http://web.docker/";
    const right = ["--proxy-user", "dev:s3cret"];
    await until("the server is up", async () => (await curl(...socks, ...right, url)).code === 0);
    assertEquals((await curl(...http, ...right, url)).code, 0);
    assertEquals((await curl(...socks, "--proxy-user", "dev:wrong", url)).code, 97);
    assertEquals((await curl(...socks, url)).code, 97);
    for (const user of [[], ["--proxy-user", "dev:wrong"]]) {
      const refused = await curl(...http, ...user, "-w", "%{http_code}", url);
      assertEquals(refused.stdout.slice(-3), "407");
    }
    const { output } = await bridge.agent.logUntilNow();
    assert(!output.includes("s3cret") && !output.includes('wrong"'), "a password is in the log");
  } finally {
    await Deno.remove(users);
  }
});

test.bare("a hundred at once; a lost connection is waited for", agentOnly, async (rig) => {
  await using bridge = await bridged(rig);
  const { direct, ways } = bridge;
  await using _cleanup = cleanup(direct, ["web"]);
  const id = await direct.ok(["run", "-d", "--name", "web", "bb", "sh", "-c", webOn(80, "hi")]);
  assert(id.length === 64);
  const url = "http://web.docker/";
  await until("the server is up", async () => (await fetchAll(bridge, url))[0] === "hi");
  const urls = Array.from({ length: 100 }, () => url);
  for (const way of ways.slice(0, 2)) {
    const all = await curl(...way, "-Z", "--parallel-max", "100", "--retry", "0", ...urls);
    assertEquals(all.stdout.match(/hi/g)?.length, 100, all.stderr);
  }
  await rig.verb("drop-sessions");
  assertEquals(await fetchAll(bridge, url), ["hi", "hi", "hi"]);
  // A link that is cut while they wait is waited for as well.
  await rig.verb("cut", "drop");
  const waiting = fetchAll(bridge, url);
  await rig.verb("heal");
  assertEquals(await waiting, ["hi", "hi", "hi"]);
});

test.bare("the addresses of the bridge are listed beside the ports", agentOnly, async (rig) => {
  await using bridge = await bridged(rig);
  await fetchAll(bridge, `http://${LOOPBACK}:1/`);
  const vars = { XDG_RUNTIME_DIR: bridge.agent.runtimeDirectory };
  await using listed = spawnAgent(["forwards", "--json"], vars);
  assertEquals(await listed.wait(), 0);
  const [{ forwards }] = JSON.parse(listed.stdout);
  const shown = (forwards as Record<string, unknown>[]).map((forward) => [
    ...[forward["kind"], forward["container"], forward["local"]],
    (forward["connections"] as { total: number }).total,
  ]);
  assertEquals(shown[0], ["bridge", "socks", `${LOOPBACK}:${bridge.socks}`, 1]);
  assertEquals(shown[1]?.slice(0, 2), ["bridge", "http-proxy"]);
});

test.bare("a host of a file has a bridge of its own", agentOnly, async (rig) => {
  const socks = freePort();
  const entry = hostEntry("gpu", rig, {
    socks: `${LOOPBACK}:${socks}`,
    bridge: ["10.99.0.0/16=refuse"],
  });
  await using agent = await HostsAgent.start({ idle_exit: "1h", hosts: [entry] }, ["gpu"]);
  await using followed = agent.spawn(["events", "--since=10m"]);
  await followed.waitFor(/ gpu: forward\.opened local=\S+ target=socks/);
  // It is connected when the bridge is used for the first time.
  assert(!followed.soFar.output.includes("transport.up"), followed.soFar.output);
  assertEquals(await socksReply(socks, { host: LOOPBACK, port: rig.port }), 0);
  await followed.waitFor(/ gpu: transport\.up remote=/);
  assertEquals(await socksReply(socks, { host: "10.99.0.1", port: 80 }), 2);

  await agent.write(
    JSON.stringify({ idle_exit: "1h", hosts: [{ ...entry, bridge: ["*=refuse"] }] }),
  );
  await followed.waitFor(/ gpu: host\.reload change=restarted/);
  await until(
    "the new rule holds",
    async () => await socksReply(socks, { host: LOOPBACK, port: rig.port }) === 2,
  );
});

test.bare("datagrams to a container by name", agentOnly, async (rig) => {
  await rig.verb("image-udp");
  await rig.verb("perl");
  try {
    await using bridge = await bridged(rig);
    await using _cleanup = cleanup(bridge.direct, ["echo"]);
    await bridge.direct.ok(["run", "-d", "--name", "echo", "bb:udp"]);
    const to = { host: "echo.docker", port: 7 };
    assertEquals(await askUdp(bridge.socks, to, "one"), "echo one");
    const texts = ["a", "b", "c", "d"];
    const answers = await Promise.all(texts.map((text) => askUdp(bridge.socks, to, text)));
    assertEquals(answers, texts.map((text) => `echo ${text}`));
  } finally {
    await rig.verb("no-perl");
  }
});
