/** Containers reach a port of this machine (`--reverse`), whatever sshd allows. */
import { type Agent, spawnAgent, startAgent } from "../support/agent.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { until } from "../support/poll.ts";
import type { Rig } from "../support/rig.ts";
import type { Forwards } from "../../lib/ops/forwards.ts";
import type { ForwardDetails } from "../../lib/ops/source.ts";

const test = await endToEnd();
const agentOnly = { agentOnly: true };
const NAME = "host.docker.internal";

/** A server on this machine that answers each line with `got` before it. */
function localServer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const running: Promise<void>[] = [];
  const loop = (async () => {
    for await (const conn of listener) running.push(answer(conn));
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await loop;
      await Promise.all(running);
    },
  };
}

async function answer(conn: Deno.TcpConn): Promise<void> {
  using _conn = conn;
  try {
    const buffer = new Uint8Array(256);
    const count = await conn.read(buffer);
    const line = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
    await conn.write(new TextEncoder().encode(`got ${line}`));
    await conn.closeWrite();
    while (await conn.read(buffer) !== null);
  } catch {
    // The client may leave as it likes.
  }
}

/** The one forward that `forwards` tells of. */
async function listed({ runtimeDirectory, pid }: Agent): Promise<ForwardDetails> {
  await using command = spawnAgent(["forwards", "--json"], { XDG_RUNTIME_DIR: runtimeDirectory });
  assertEquals(await command.wait(), 0, command.output);
  const found: Forwards[] = JSON.parse(command.stdout);
  const [forward, ...more] = found.find((each) => each.pid === pid)?.forwards ?? [];
  assert(forward !== undefined && more.length === 0, command.output);
  assertEquals([forward.kind, forward.container], ["reverse", forward.requested]);
  return forward;
}

/** What a new container gets from the port, until it gets something. */
async function ask(rig: Rig, lose: boolean): Promise<void> {
  await using server = localServer();
  await using agent = await startAgent(rig, { reverse: `${NAME}:${server.port}` });
  await using docker = await agent.docker(defaultCli());
  await agent.waitForLog(/Containers reach/);
  const run = ["run", "--rm", "bb", "sh", "-c", `echo hi | nc ${NAME} ${server.port}`];
  assertEquals(await docker.ok(run), "got hi");
  // Nothing listens for us but on the bridge and on loopback.
  const open = (await rig.verb("exec", "ss", "-ltnH")).split("\n")
    .map((line) => line.trim().split(/\s+/)[3] ?? "")
    .filter((address) => /^(0\.0\.0\.0|\*|\[::\]):/.test(address) && !address.endsWith(":22"));
  assertEquals(open, []);
  const { state, remote, local, connections } = await listed(agent);
  assertEquals([state, local], ["live", `127.0.0.1:${server.port}`]);
  assertMatch(remote, new RegExp(`^[\\d.]+:${server.port}$`));
  assertEquals(connections.total, 1);
  if (!lose) return;
  await rig.verb("drop-sessions");
  await until("it is back", async () => (await docker.run(run)).stdout.trim() === "got hi", {
    timeoutMs: 30_000,
  });
}

test.bare("through perl, where sshd listens on loopback only", agentOnly, async (rig) => {
  await rig.verb("perl");
  try {
    await ask(rig, true);
  } finally {
    await rig.verb("no-perl");
  }
});

test.bare("through sshd itself, where GatewayPorts allows it", agentOnly, async (rig) => {
  const config = `${rig.root}/etc/ssh/sshd_config`;
  const before = await Deno.readTextFile(config);
  await Deno.writeTextFile(config, `GatewayPorts clientspecified\n${before}`);
  await rig.verb("restart-sshd");
  try {
    await ask(rig, true);
  } finally {
    await Deno.writeTextFile(config, before);
    await rig.verb("restart-sshd");
  }
});

test.bare("with neither: the log says what to do", agentOnly, async (rig) => {
  await using server = localServer();
  await using agent = await startAgent(rig, { reverse: `${NAME}:${server.port}` });
  const [line] = await agent.waitForLog(/Containers cannot reach.*/);
  assertStringIncludes(line, "GatewayPorts clientspecified");
  assert(line.includes("python3"), line);
  const { state, remote } = await listed(agent);
  assertEquals([state, remote], ["reserved", ""]);
});
