/** Forwards by address (`--forward`), TCP and UDP, and what they do when the connection is lost. */
import { type Agent, startAgent } from "../support/agent.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { askUntilAnswered } from "../support/ask_udp.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { freePort } from "../support/free_ports.ts";
import { until } from "../support/poll.ts";
import type { Rig } from "../support/rig.ts";

const test = await endToEnd();
const LOOPBACK = "127.0.0.1";
const agentOnly = { agentOnly: true };

/** A container on the engine's own network, started past the agent. */
async function container(rig: Rig, image: string, ...command: string[]) {
  const docker = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
  const id = await docker.ok(["run", "-d", image, ...command]);
  const address = await docker.ok(["inspect", "-f", "{{.NetworkSettings.IPAddress}}", id]);
  return {
    address,
    async [Symbol.asyncDispose]() {
      await docker.run(["rm", "-f", id]);
      await docker[Symbol.asyncDispose]();
    },
  };
}

async function get(port: number): Promise<string> {
  using client = await Deno.connect({ hostname: LOOPBACK, port });
  await client.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
  return await readAll(client);
}

async function readAll(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(64 * 1024);
  let text = "";
  for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}

function ask(port: number, text: string, timeoutMs?: number): Promise<string> {
  const data = new TextEncoder().encode(text);
  const read = (answer: Uint8Array) => new TextDecoder().decode(answer);
  return askUntilAnswered({ host: LOOPBACK, port }, data, read, timeoutMs);
}

/** An agent with one forward from a free port to `far`. */
async function forwarding(rig: Rig, far: string): Promise<{ agent: Agent; port: number }> {
  const port = freePort();
  return { agent: await startAgent(rig, { forward: `${port}:${far}` }), port };
}

/**
 * A server on port 80 for as many clients as its arguments say, batch by batch: it answers none of a
 * batch before all of it are there. (That of busybox keeps no more than nine waiting.)
 */
const BATCH_SERVER = `
use Socket;
socket(S, PF_INET, SOCK_STREAM, 0); bind(S, sockaddr_in(80, INADDR_ANY)); listen(S, 1024);
for my $size (@ARGV) {
  my @clients;
  while (@clients < $size) { accept(my $client, S); push @clients, $client }
  for (@clients) { sysread($_, my $line, 4096); syswrite($_, "hello from perl"); close $_ }
}
sleep 600`;

test.bare("a local port leads to an address of the remote network", agentOnly, async (rig) => {
  await rig.verb("image-udp");
  await using web = await container(rig, "bb:udp", "perl", "-e", BATCH_SERVER, "1", "200");
  const { agent, port } = await forwarding(rig, `${web.address}:80`);
  await using _agent = agent;
  assertEquals(await get(port), "hello from perl");
  const many = await Promise.all(Array.from({ length: 200 }, () => get(port)));
  assertEquals(many.filter((answer) => answer !== "hello from perl"), []);
});

test.bare("refused over there: a reset here", agentOnly, async (rig) => {
  const { agent, port } = await forwarding(rig, `${LOOPBACK}:1`);
  await using _agent = agent;
  await assertRejects(() => get(port), Deno.errors.ConnectionReset);
});

test.bare("the forward outlives the SSH connection: later clients wait", agentOnly, async (rig) => {
  await using web = await container(rig, "bb:httpd");
  const { agent, port } = await forwarding(rig, `${web.address}:80`);
  await using _agent = agent;
  using idle = await Deno.connect({ hostname: LOOPBACK, port });
  await idle.write(new TextEncoder().encode("GET "));
  assertMatch(await get(port), /hello from/);
  await rig.verb("drop-sessions");
  assertMatch(await get(port), /hello from/);
  // A connection that was open then is told, not left hanging.
  await assertRejects(() => readAll(idle), Deno.errors.ConnectionReset);
});

test.bare("datagrams, with perl on the remote host; also after a loss", agentOnly, async (rig) => {
  await rig.verb("image-udp");
  await rig.verb("perl");
  try {
    await using echo = await container(rig, "bb:udp");
    const { agent, port } = await forwarding(rig, `${echo.address}:7/udp`);
    await using _agent = agent;
    assertEquals(await ask(port, "one"), "echo one");
    const answers = await Promise.all(["a", "b", "c", "d"].map((text) => ask(port, text)));
    assertEquals(answers, ["echo a", "echo b", "echo c", "echo d"]);
    await rig.verb("drop-sessions");
    assertEquals(await ask(port, "two"), "echo two");
  } finally {
    await rig.verb("no-perl");
  }
});

test.bare("the relay for datagrams ends with the agent", agentOnly, async (rig) => {
  await rig.verb("perl");
  try {
    const { agent, port } = await forwarding(rig, `${LOOPBACK}:9/udp`);
    const relays = async () => (await rig.verb("exec", "sh", "-c", "pgrep -c perl || :")).trim();
    try {
      await assertRejects(() => ask(port, "x", 300), Error, "No datagram");
      await until("the relay runs", async () => await relays() === "1");
      agent.kill("SIGKILL");
      await agent.wait();
    } finally {
      await agent.stop();
    }
    await until("the relay has ended", async () => await relays() === "0");
  } finally {
    await rig.verb("no-perl");
  }
});

test.bare("datagrams without python3 and perl: said in the log", agentOnly, async (rig) => {
  const { agent, port } = await forwarding(rig, `${LOOPBACK}:9/udp`);
  await using _agent = agent;
  await assertRejects(() => ask(port, "x", 300), Error, "No datagram");
  await agent.waitForLog(/Cannot forward UDP: the remote host has neither python3 nor perl/);
});

test.bare("a port that is taken: said at the start, with the address", agentOnly, async (rig) => {
  using taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const { port } = taken.addr;
  const error = await assertRejects(() => startAgent(rig, { forward: `${port}:${LOOPBACK}:80` }));
  assert(error.message.includes(`${port}`), error.message);
  assertMatch(error.message, /address already in use/);
});
