/** Health, metrics and `status` tell what really happens. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { endToEnd } from "../support/e2e.ts";
import { ask, askJson, opsPort, runStatus, spawnStatus } from "../support/ops.ts";
import { pause, until } from "../support/poll.ts";
import { request } from "../support/raw_http.ts";

const test = await endToEnd();

/** An SSH configuration that notices a silent link within seconds. */
const quick = await Deno.makeTempFile({ prefix: "rda-ssh-config-" });
await Deno.writeTextFile(quick, "ServerAliveInterval 2\nServerAliveCountMax 3\n");
globalThis.addEventListener("unload", () => Deno.removeSync(quick));

const cut = opsPort({ "ssh-config": quick, "reconnect-wait": "1s" });

test("health is 503 while the link is cut, and 200 again", {
  agentOnly: true,
  flags: cut.flags,
}, async ({ agent, docker, rig }) => {
  assertEquals((await ask(`${cut.url}/health`)).status, 200);
  assertEquals((await ask(`${cut.url}/ready`)).status, 200);
  await rig.verb("cut", "drop");
  try {
    const degraded = await until("health is degraded", async () => {
      const answer = await ask(`${cut.url}/health`);
      return answer.status === 503 && JSON.parse(answer.text);
    });
    assertEquals(degraded.status, "degraded");
    assertStringIncludes(degraded.last_error, "Lost the SSH connection");
    assertEquals((await ask(`${cut.url}/ready`)).status, 503);
    const { code, stdout } = await runStatus(agent);
    assertEquals(code, 8, stdout);
    assertStringIncludes(stdout, "degraded");
    assertMatch(stdout, /Problem\s+ssh:\/\/.* is not connected/);
  } finally {
    await rig.verb("heal");
  }
  await until("docker works again", async () => (await docker.run(["ps"])).code === 0);
  await until("health is good again", async () => (await ask(`${cut.url}/health`)).status === 200);
  assertEquals((await ask(`${cut.url}/ready`)).status, 200);
  const status = await askJson(`${cut.url}/status`);
  // On a machine that is busy enough, the silence of a moment is a cut as well.
  assert(status.hosts[0].reconnects >= 1);
  assert(status.errors.total > 0);
  assertMatch(
    (await ask(`${cut.url}/metrics`, { Accept: "text/plain" })).text,
    /^rda_transport_reconnects_total\{host="ssh:\/\/.*"\} [1-9]\d*$/m,
  );
});

const count = opsPort();
const COUNTED = [
  /^rda_connections_active 1$/m,
  /^rda_transport_up\{host="ssh:\/\/.*"\} 1$/m,
  /^rda_request_duration_seconds_count\{operation="ContainerCreate"\} 1$/m,
  /^rda_request_duration_seconds_bucket\{le="\+Inf",operation="ContainerStart"\} 1$/m,
  /^rda_responses_total\{operation="ContainerInspect",status="4xx"\} 1$/m,
  /^rda_responses_total\{operation="ContainerList",status="2xx"\} \d+$/m,
  /^rda_sent_bytes_total [1-9]\d+$/m,
];

test("metrics move with what docker does", { agentOnly: true, flags: count.flags }, async (b) => {
  const { docker, agent } = b;
  assertEquals(await docker.ok(["run", "--rm", "bb", "echo", "counted"]), "counted");
  await docker.run(["inspect", "--type", "container", "no-such-container"]);
  await docker.ok(["ps"]);
  await using _events = docker.spawn(["events"]);
  await agent.waitForLog(/GET .*\/events/);
  // A client has its answer before it is counted, and is gone before that is known.
  const json = await until("all is counted", async () => {
    const found = await askJson(`${count.url}/metrics`);
    assertEquals(found.active_connections, 1);
    assert(found.total_connections >= 4 && found.total_bytes_read > 500, JSON.stringify(found));
    const { text, type } = await ask(`${count.url}/metrics`, {
      Accept: "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    });
    assertStringIncludes(type, "text/plain");
    for (const pattern of COUNTED) assertMatch(text, pattern);
    return found;
  });
  const before = json.total_connections;
  await docker.ok(["ps"]);
  await until("the connection has ended", async () => {
    const { total_connections, active_connections } = await askJson(`${count.url}/metrics`);
    return total_connections > before && active_connections === 1;
  });
});

test("status shows the agent that runs, once or again and again", {
  agentOnly: true,
}, async ({ agent, docker }) => {
  await docker.ok(["ps"]);
  const text = await runStatus(agent);
  assertEquals(text.code, 0, text.stderr);
  assertMatch(text.stdout, /^remote-docker-agent \S+ \(start, process \d+\): healthy, up /);
  assertStringIncludes(text.stdout, `unix://${agent.socket}`);
  assertMatch(text.stdout, /Host +ssh:\/\/.* is up since .*, round trip [\d.]+ ms/);
  assertStringIncludes(text.stdout, "ContainerList: 1");

  const json = await runStatus(agent, "--json");
  const [status] = JSON.parse(json.stdout);
  assertEquals([status.pid, status.hosts.length], [agent.pid, 1]);
  assert(status.hosts[0].rtt_ms > 0);

  await using watch = spawnStatus(agent, "--watch", "--json");
  await until("two pictures", () => watch.soFar.lines.length >= 2);
  watch.kill("SIGINT");
  assertEquals(await watch.wait(), 0);
  for (const line of watch.stdout.trim().split("\n")) {
    assertEquals(JSON.parse(line)[0].pid, agent.pid);
  }
});

test.bare("status says that nothing runs, also after a kill", { agentOnly: true }, async () => {
  const runtimeDirectory = await Deno.makeTempDir({ prefix: "rda-none-" });
  try {
    await using none = spawnStatus({ runtimeDirectory });
    assertEquals(await none.wait(), 4, none.output);
    assertStringIncludes(none.stderr, "No remote-docker-agent is running for this user");
    await using json = spawnStatus({ runtimeDirectory }, "--json");
    assertEquals(await json.wait(), 4);
    assertEquals(JSON.parse(json.stdout), []);
  } finally {
    await Deno.remove(runtimeDirectory, { recursive: true });
  }
});

const idle = opsPort();
/** Of 300; a program that polls needs many times as many. A slow machine takes more for the same. */
const MAX_IDLE_TICKS = 60;
const ATTEMPTS = 10;

test("a program that nobody watches does nothing", {
  agentOnly: true,
  flags: idle.flags,
}, async ({ agent, docker }) => {
  await docker.ok(["ps"]);
  assertEquals((await ask(`${idle.url}/status`)).status, 200);
  const ticks = async () => {
    const stat = await Deno.readTextFile(`/proc/${agent.pid}/stat`);
    const [user = 0, system = 0] = stat.slice(stat.lastIndexOf(")")).split(" ").slice(12).map(
      Number,
    );
    return user + system;
  };
  // What starting has left to do is done soon; it is the rest that counts.
  let used = Infinity;
  for (let i = 0; i < ATTEMPTS && used > MAX_IDLE_TICKS; i++) {
    const before = await ticks();
    await pause(3_000);
    used = await ticks() - before;
  }
  console.log(`${used} ticks in 3 s`);
  assert(used <= MAX_IDLE_TICKS, `${used} ticks in 3 s`);
});

const policy = opsPort();

test("the server is not for web pages, and the agent leaves nothing behind", {
  agentOnly: true,
  flags: policy.flags,
}, async ({ agent }) => {
  const evil = await ask(`${policy.url}/status`, { "Sec-Fetch-Site": "cross-site" });
  assertEquals(evil.status, 403);
  const socket = `${agent.runtimeDirectory}/remote-docker-agent/${agent.pid}.sock`;
  assertEquals((await request(socket, "GET /health")).status, 200);
  agent.kill("SIGTERM");
  assertEquals(await agent.wait(), 0);
  assertEquals([...Deno.readDirSync(`${agent.runtimeDirectory}/remote-docker-agent`)], []);
});
