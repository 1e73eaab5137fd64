/** A port of this machine for containers of the rig, and what they get from it. */
import type { Agent } from "./agent.ts";
import { assertEquals } from "./assert.ts";
import { defaultCli } from "./e2e.ts";
import { until } from "./poll.ts";
import type { Rig } from "./rig.ts";

/** The name that containers know. */
export const REVERSE_NAME = "host.docker.internal";

/** A server on this machine that answers each line with `got` before it. */
export function localServer() {
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

/**
 * What a new container gets from the port: once it can, and again after `lose`, where that is given. No
 * port of the remote host is open to its network but those of `doors`.
 */
export async function askFromContainers(
  rig: Rig,
  agent: Agent,
  { port, doors, lose }: { port: number; doors: readonly number[]; lose?: () => Promise<unknown> },
): Promise<void> {
  await using docker = await agent.docker(defaultCli());
  await agent.waitForLog(/Containers reach/);
  const run = ["run", "--rm", "bb", "sh", "-c", `echo hi | nc ${REVERSE_NAME} ${port}`];
  assertEquals(await docker.ok(run), "got hi");
  const open = (await rig.verb("exec", "ss", "-ltnH")).split("\n")
    .map((line) => line.trim().split(/\s+/)[3] ?? "")
    .filter((address) => /^(0\.0\.0\.0|\*|\[::\]):/.test(address))
    .filter((address) => !doors.some((door) => address.endsWith(`:${door}`)));
  assertEquals(open, []);
  if (lose === undefined) return;
  await lose();
  await until("it is back", async () => (await docker.run(run)).stdout.trim() === "got hi");
}
