/** Memory: flat under large transfers with a slow end, small per idle connection. */
import { assert, assertEquals } from "../support/assert.ts";
import type { Agent } from "../support/agent.ts";
import { Child } from "../support/child.ts";
import { endToEnd } from "../support/e2e.ts";
import { pause, until } from "../support/poll.ts";
import { writeAll } from "../support/raw_http.ts";

const test = await endToEnd();
const MIB = 1 << 20;
const GIB = 1 << 30;
/** Before this much has passed the memory may grow: V8 lets 64 MiB of dead buffers pile up. */
const WARM_UP_BYTES = 256 * MIB;
const STALL_MS = 3_000;
const SAMPLE_MS = 100;
const FLAT_BYTES = 32 * MIB;
const PER_IDLE_CONNECTION_BYTES = 64 * 1024;
const IDLE_CONNECTIONS = 200;

/** The lowest and the highest resident memory seen. */
interface Range {
  low: number;
  high: number;
}

/** Samples the resident memory until `end` settles. */
async function rssDuring(agent: Agent, end: Promise<unknown>): Promise<Range> {
  let done = false;
  const watched = end.finally(() => done = true);
  const range = { low: Infinity, high: 0 };
  while (!done) {
    const rss = await agent.rss();
    range.low = Math.min(range.low, rss);
    range.high = Math.max(range.high, rss);
    await pause(SAMPLE_MS);
  }
  await watched;
  return range;
}

/** Plus or minus {@link FLAT_BYTES}. */
function assertFlat({ low, high }: Range): void {
  const seen = `between ${(low / MIB).toFixed(1)} MiB and ${(high / MIB).toFixed(1)} MiB`;
  console.log(seen);
  assert(high - low <= 2 * FLAT_BYTES, seen);
}

test("memory stays flat while 1 GB goes to a slow reader", async (bench) => {
  const count = String((WARM_UP_BYTES + GIB) / MIB);
  const dd = ["dd", "if=/dev/zero", "bs=1M", `count=${count}`];
  const process = new Deno.Command(bench.docker.path, {
    args: ["run", "--rm", "--log-driver", "none", "bb", ...dd],
    clearEnv: true,
    env: bench.docker.env(),
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = process.stdout.getReader();
  let total = 0;
  const readUntil = async (limit: number) => {
    while (total < limit) {
      const { value, done } = await reader.read();
      if (done) return;
      total += value.length;
    }
  };
  await readUntil(WARM_UP_BYTES);
  const transfer = pause(STALL_MS).then(() => readUntil(Infinity));
  const range = await rssDuring(bench.agent, transfer);
  assertEquals([(await process.status).code, total], [0, WARM_UP_BYTES + GIB]);
  assertFlat(range);
});

test("memory stays flat while 1 GB goes to a slow container", async (bench) => {
  const warmUp = `dd bs=${MIB} count=${WARM_UP_BYTES / MIB} iflag=fullblock of=/dev/null`;
  const container = `${warmUp} 2>/dev/null; echo warm; sleep 3; wc -c`;
  const line = `head -c ${
    WARM_UP_BYTES + GIB
  } /dev/zero | docker run --rm -i bb sh -c '${container}'`;
  const { path, env } = { path: bench.docker.path, env: bench.docker.env() };
  const script = `docker() { '${path}' "$@"; }; ${line}`;
  await using upload = new Child("/bin/bash", ["-c", script], { env });
  await upload.waitFor(/warm/);
  const range = await rssDuring(bench.agent, upload.wait(300_000));
  assertEquals(upload.stdout, `warm\n${GIB}\n`);
  assertFlat(range);
});

test("an idle connection costs less than 64 KB", async ({ agent }) => {
  const connections: Deno.Conn[] = [];
  const openAndAsk = async () => {
    const conn = await Deno.connect({ transport: "unix", path: agent.socket });
    connections.push(conn);
    await writeAll(conn, new TextEncoder().encode("GET /version HTTP/1.1\r\nHost: docker\r\n\r\n"));
    await conn.read(new Uint8Array(16_384));
  };
  const closeAll = () => {
    for (const conn of connections.splice(0)) conn.close();
  };
  try {
    const files = () => [...Deno.readDirSync(`/proc/${agent.pid}/fd`)].length;
    for (let i = 0; i < IDLE_CONNECTIONS; i++) await openAndAsk(); // compiles, fills caches
    const open = files();
    closeAll();
    await until("they are closed there too", () => files() <= open - IDLE_CONNECTIONS);
    const before = await agent.rss();
    for (let i = 0; i < IDLE_CONNECTIONS; i++) await openAndAsk();
    const each = (await agent.rss() - before) / IDLE_CONNECTIONS;
    console.log(`${(each / 1024).toFixed(1)} KiB each`);
    assert(each < PER_IDLE_CONNECTION_BYTES, `${each} bytes each`);
  } finally {
    closeAll();
  }
});
