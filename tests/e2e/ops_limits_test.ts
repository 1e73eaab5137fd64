/** Limits hold for real clients, leave long-lived streams alone, and are counted. */
import { assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { endToEnd } from "../support/e2e.ts";
import { askJson, opsPort } from "../support/ops.ts";
import { until } from "../support/poll.ts";
import { writeAll } from "../support/raw_http.ts";

const test = await endToEnd();
const agentOnly = true;

const full = opsPort({ "max-connections": "2", "queue-timeout": "10s" });

test("a client beyond the maximum waits, then is told 503; others are not kept out", {
  agentOnly,
  flags: full.flags,
}, async ({ agent, docker }) => {
  await using tcp = await agent.docker(docker.cli, "tcp");
  await using first = docker.spawn(["events"]);
  await using second = docker.spawn(["events"]);
  const metrics = () => askJson(`${full.url}/metrics`);
  await until("two are connected", async () => (await metrics()).active_connections === 2);

  const refused = await docker.run(["ps"]);
  assertEquals(refused.code, 1);
  assertMatch(refused.stderr, /All 2 connections are in use \(--max-connections\)/);
  assertEquals(await tcp.ok(["ps", "-q"]), "", "another client comes in");

  const waiting = docker.run(["ps"]);
  await until("one waits", async () => (await metrics()).waiting_connections === 1);
  first.kill("SIGTERM");
  second.kill("SIGTERM");
  assertEquals((await waiting).code, 0);
  const { limits } = await metrics();
  assertEquals(limits.connection_refused >= 1 && limits.connection_waited >= 2, true);
});

const slow = opsPort({ "read-timeout": "2s", "idle-timeout": "4s", "write-timeout": "2s" });

test("slow and silent clients are let go, quiet streams are not", {
  agentOnly,
  flags: slow.flags,
}, async ({ agent, docker, direct }) => {
  const script = "echo begin; sleep 6; echo end; read line; echo over";
  const id = await direct.ok(["run", "-di", "bb", "sh", "-c", script]);
  try {
    await using logs = docker.spawn(["logs", "-f", id]);
    await using attach = docker.spawn(["attach", id]);
    await using events = docker.spawn(["events", "--filter", `container=${id}`]);
    await logs.waitFor(/begin/);

    const half = await connect(agent.port);
    await writeAll(half, bytes("GET /_ping HTT"));
    assertStringIncludes(await readAll(half), "HTTP/1.1 408 Request Timeout");
    const stuck = await connect(agent.port);
    await writeAll(
      stuck,
      bytes("POST /v1.41/build HTTP/1.1\r\nHost: docker\r\nContent-Length: 9\r\n\r\n12"),
    );
    assertStringIncludes(await readAll(stuck), "The body of the request did not arrive");
    assertEquals(await readAll(await connect(agent.port)), "", "closed without a word");

    await logs.waitFor(/end/);
    await attach.waitFor(/end/);
    await attach.write("typed after the pause\n");
    await attach.waitFor(/over/);
    await logs.waitFor(/over/);
    await events.waitFor(/container die/);
    const { limits } = await askJson(`${slow.url}/metrics`);
    assertEquals([limits.read_timeout >= 2, limits.idle_timeout >= 1], [true, true]);
  } finally {
    await direct.run(["rm", "-f", id]);
  }
});

const stuckReader = opsPort({ "write-timeout": "1s" });

test("a client that takes nothing is let go after the write timeout", {
  agentOnly,
  flags: stuckReader.flags,
}, async ({ agent, direct }) => {
  const id = await direct.ok(["run", "-d", "--log-driver", "none", "bb", "yes"]);
  const conn = await connect(agent.port);
  try {
    // More than all the buffers on the way hold.
    const target = `/v1.41/containers/${id}/attach?stream=1&stdout=1`;
    const fields = ["Host: docker", "Connection: Upgrade", "Upgrade: tcp", "Content-Length: 0"];
    await writeAll(conn, bytes([`POST ${target} HTTP/1.1`, ...fields, "", ""].join("\r\n")));
    await until("the timeout took effect", async () => {
      return (await askJson(`${stuckReader.url}/metrics`)).limits.write_timeout === 1;
    });
  } finally {
    conn.close();
    await direct.run(["rm", "-f", id]);
  }
});

function connect(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ port, hostname: "127.0.0.1" });
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Everything until the peer ends; closes. */
async function readAll(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(65_536);
  let text = "";
  try {
    for (;;) {
      const count = await conn.read(buffer);
      if (count === null) return text;
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
  } finally {
    conn.close();
  }
}
