/** Forwards follow their container: stop, start, restart, rename, remove, and the agent's own end. */
import { formatHostPort } from "../../lib/net/address.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { startAgent } from "../support/agent.ts";
import { uniqueName } from "../support/compare.ts";
import { type Bench, endToEnd } from "../support/e2e.ts";
import { freePort } from "../support/free_ports.ts";
import { until } from "../support/poll.ts";
import { request } from "../support/raw_http.ts";
import {
  cleanup,
  fetchPort,
  HAS_IPV6,
  isRefused,
  portLines,
  untilRefused,
  WEB,
  webOn,
} from "../support/published.ts";

const test = await endToEnd();
const agentOnly = true;

test(
  "stop refuses soon, start is back on the same port",
  { agentOnly },
  async (bench) => {
    const { docker, direct } = bench;
    const [name, port] = [uniqueName("web"), freePort()];
    await using _ = cleanup(docker, [name]);
    await docker.ok([
      "run",
      "-d",
      "--name",
      name,
      "-p",
      `${port}:80`,
      "-p",
      "127.0.0.1::81",
      ...WEB,
    ]);
    const chosen = await docker.ok(["port", name, "81"]);
    await docker.ok(["stop", "-t", "0", name]);
    await untilRefused(port);
    assertEquals(await docker.ok(["port", name]), "");
    await docker.ok(["start", name]);
    await fetchPort(port);
    assertEquals(await docker.ok(["port", name, "81"]), chosen, "a chosen port is kept");
    // Behind the agent's back, and with an id cut short.
    await direct.ok(["kill", name]);
    await untilRefused(port);
    const id = await docker.ok(["inspect", "-f", "{{.Id}}", name]);
    await docker.ok(["start", id.slice(0, 6)]);
    await fetchPort(port);
    await docker.ok(["restart", "-t", "0", name]);
    await fetchPort(port);
    await direct.ok(["restart", "-t", "0", name]);
    // That it ended and began is heard of a moment later.
    await until("the port is back", () => fetchPort(port));
  },
);

test("a paused container keeps its port, a renamed one too", { agentOnly }, async (bench) => {
  const { docker } = bench;
  const [name, port] = [uniqueName("web"), freePort()];
  const renamed = `${name}-new`;
  await using _ = cleanup(docker, [name, renamed]);
  await docker.ok(["run", "-d", "--name", name, "-p", `${port}:80`, ...WEB]);
  await docker.ok(["rename", name, renamed]);
  await fetchPort(port);
  await docker.ok(["pause", renamed]);
  assert(!await isRefused(port));
  await docker.ok(["unpause", renamed]);
  await fetchPort(port);
  await docker.ok(["stop", "-t", "0", renamed]);
  await untilRefused(port);
  await docker.ok(["start", renamed]);
  await fetchPort(port);
  await docker.ok(["rm", "-f", renamed]);
  await untilRefused(port);
});

for (const cli of ["current", "debian"] as const) {
  const name = `a port that is taken gets Docker's own answer (${cli} docker CLI)`;
  test(name, { agentOnly, cli }, refusedAsByDocker);
}

/** Why the engine itself refuses a container that publishes a port which another program has there. */
async function refusedThere(direct: Bench["direct"], host: string, port: number): Promise<string> {
  const [holder, second] = [uniqueName("holder"), uniqueName("second")];
  await using _ = cleanup(direct, [holder, second]);
  const server = ["httpd", "-f", "-v", "-p", formatHostPort(host, port)];
  await direct.ok(["run", "-d", "--network", "host", "--name", holder, "bb", ...server]);
  const publish = ["-p", `${formatHostPort(host, port)}:80`];
  return await until("the port is refused there", async () => {
    const refused = await direct.run(["run", "--name", second, ...publish, "bb", "true"]);
    if (refused.code !== 0) return reasonIn(refused.stderr);
    await direct.ok(["rm", second]);
  });
}

/** What follows the endpoint in a refusal; without the container's address, which it has not got here. */
function reasonIn(stderr: string): string {
  const [, reason = stderr] = /\([0-9a-f]{64}\): (.*?)\.?\n/.exec(stderr) ?? [];
  return reason.replace(/host port for (\S+):[0-9.]+:\d+\/tcp/, "host port $1/tcp");
}

async function refusedAsByDocker({ docker }: Bench): Promise<void> {
  const names = [uniqueName("first"), uniqueName("second"), uniqueName("third")];
  const [first = "", second = "", third = ""] = names;
  const port = freePort();
  await using _ = cleanup(docker, names);
  await docker.ok(["run", "-d", "--name", first, "-p", `${port}:80`, ...WEB]);
  const refused = await docker.run(["run", "-d", "--name", second, "-p", `${port}:80`, ...WEB]);
  assertEquals(refused.code, 125);
  assertMatch(
    refused.stderr,
    new RegExp(
      "driver failed programming external connectivity on endpoint " +
        `${second} \\([0-9a-f]{64}\\): Bind for 127\\.0\\.0\\.1:${port} failed: ` +
        "port is already allocated",
    ),
  );
  const state = await docker.ok(["inspect", "-f", "{{.State.Status}}", second]);
  assertEquals(state, "created");
  // The engine removes it, and the CLI waits for that.
  const args = ["run", "--rm", "--name", third, "-p", `${port}:80`, ...WEB];
  const removed = await docker.run(args);
  assertEquals(removed.code, 125);
  assertStringIncludes(removed.stderr, "port is already allocated");
  assertEquals((await docker.run(["inspect", third])).code, 1);
  await docker.ok(["rm", "-f", first]);
  await untilRefused(port);
  await docker.ok(["start", second]);
  await fetchPort(port);
}

test("a port of another program is in use", { agentOnly }, async ({ docker, direct }) => {
  const name = uniqueName("taken");
  await using _ = cleanup(docker, [name]);
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const { code, stderr } = await docker.run(["run", "--name", name, "-p", `${port}:80`, ...WEB]);
  assertEquals(code, 125);
  assertEquals(reasonIn(stderr), await refusedThere(direct, "127.0.0.1", port));
});

async function refusedForItsTwin({ docker, direct }: Bench): Promise<void> {
  const name = uniqueName("taken");
  await using _ = cleanup(docker, [name]);
  using taken = Deno.listen({ hostname: "::1", port: 0 });
  const { port } = taken.addr;
  const { code, stderr } = await docker.run(["run", "--name", name, "-p", `${port}:80`, ...WEB]);
  assertEquals(code, 125);
  assertEquals(reasonIn(stderr), await refusedThere(direct, "::1", port));
  assert(await isRefused(port), "the other address is not kept");
}

if (HAS_IPV6) test("a port that is taken on ::1 is in use too", { agentOnly }, refusedForItsTwin);

test("a crashing process with --restart=always keeps its port", { agentOnly }, async (bench) => {
  const { docker } = bench;
  const [name, port] = [uniqueName("crash"), freePort()];
  await using _ = cleanup(docker, [name]);
  const crash = `${webOn(80, "here")} & sleep 2; exit 3`;
  const args = ["--restart=always", "-p", `${port}:80`, "bb", "sh", "-c", crash];
  await docker.ok(["run", "-d", "--name", name, ...args]);
  await until("the port answers", () => fetchPort(port));
  await until("it was started again", async () => {
    return Number(await docker.ok(["inspect", "-f", "{{.RestartCount}}", name])) >= 2;
  });
  await until("the port answers again", async () => await fetchPort(port) === "here");
});

test("an agent that was killed finds its containers again", { agentOnly }, async (bench) => {
  const { docker, rig } = bench;
  const [name, port] = [uniqueName("web"), freePort()];
  await using _ = cleanup(bench.direct, [name]);
  const publish = ["-p", `${port}:80`, "-p", "127.0.0.1::81", "-P", "--expose", "82"];
  const id = await docker.ok(["run", "-d", "--name", name, ...publish, ...WEB]);
  // One CLI writes brackets around an address, the other does not, and has no order.
  const ports = async (cli: Bench["docker"]) =>
    (await cli.ok(["port", name])).replace(/[[\]]/g, "").split("\n").sort();
  const shown = await ports(docker);
  bench.agent.kill("SIGKILL");
  await bench.agent.wait();
  assert(await isRefused(port));
  await using again = await startAgent(rig);
  await until("the port is back", async () => !await isRefused(port));
  assertEquals(await fetchPort(port), id.slice(0, 12));
  await using cli = await again.docker("debian");
  assertEquals(await ports(cli), shown, "those that were chosen are the same too");
  assertStringIncludes(shown.join(), "82/tcp -> 127.0.0.1:");
});

test("containers of others are left alone unless asked for", { agentOnly }, async (bench) => {
  const { docker, direct, rig } = bench;
  const [name, port] = [uniqueName("other"), freePort()];
  await using _ = cleanup(direct, [name]);
  const id = await direct.ok(["run", "-d", "--name", name, "-p", `${port}:80`, ...WEB]);
  await docker.ok(["restart", "-t", "0", name]);
  assert(await isRefused(port));
  await using greedy = await startAgent(rig, { "forward-foreign": "true" });
  await until("the port is there", async () => !await isRefused(port));
  assertEquals(await fetchPort(port), id.slice(0, 12));
  await using cli = await greedy.docker("debian");
  assertMatch(await cli.ok(["port", name]), portLines("80/tcp", port));
});

test(
  "a port is free for the next container as soon as Docker says so",
  { agentOnly },
  async (bench) => {
    const { docker, agent, rig } = bench;
    const port = freePort();
    const names = [uniqueName("next"), uniqueName("next")];
    await using _ = cleanup(docker, names);
    const ids = await Promise.all(names.map((name) => {
      const args = ["create", "--name", name, "-p", `${port}:80`, "bb", "sleep", "600"];
      return docker.ok(args);
    }));
    const post = async (id: string, what: string) => {
      const { status, body } = await request(agent.socket, `POST /v1.41/containers/${id}/${what}`);
      assertEquals([status, body], [204, ""], `${what} ${id}`);
    };
    // With a way to go, the news of the end comes after the answer to the kill.
    await rig.verb("shape", "delay", "20ms");
    try {
      for (let round = 0; round < 3; round++) {
        for (const id of ids) {
          await post(id, "start");
          await post(id, "kill");
        }
      }
      const first = await docker.ok([
        "run",
        "-d",
        "--rm",
        "-p",
        `${port}:80`,
        "bb",
        "sleep",
        "600",
      ]);
      await post(first, "kill");
      await docker.ok(["run", "--rm", "-p", `${port}:80`, "bb", "true"]);
    } finally {
      await rig.verb("unshape");
    }
  },
);
