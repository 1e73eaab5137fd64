/** Warm connections: how many, whose, and for how long. */
import { configureLogging } from "../../../lib/log.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { UpstreamPool } from "../../../lib/proxy/upstream_pool.ts";
import type { Lane } from "../../../lib/transport/transport.ts";
import { assert, assertEquals } from "../../support/assert.ts";

configureLogging({ level: "error", format: "text", write: () => {} });

function poolOf(warm: number) {
  const far: Duplex[] = [];
  const lanes: Lane[] = [];
  let failing = false;
  const pool = new UpstreamPool({
    warm,
    open(lane) {
      if (failing) return Promise.reject(new Error("down"));
      const [near, other] = memoryPair();
      far.push(other);
      lanes.push(lane);
      return Promise.resolve(near);
    },
  });
  return { pool, far, lanes, fail: (on: boolean) => failing = on };
}

/** Lets everything that is ready run. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("as many connections are kept warm as asked, and taking one opens another", async () => {
  const { pool, far } = poolOf(3);
  pool.fill();
  await turn();
  assertEquals(far.length, 3);
  pool.fill();
  await turn();
  assertEquals(far.length, 3);
  const taken = await pool.acquire("interactive");
  await turn();
  assertEquals(far.length, 4);
  taken.close();
  pool.close();
});

Deno.test("an idle connection that ends is dropped, and the generation changes", async () => {
  const { pool, far } = poolOf(1);
  pool.fill();
  await turn();
  const before = pool.generation;
  assert(pool.live);
  far[0]!.close();
  await turn();
  assertEquals(pool.live, false);
  assert(pool.generation !== before);
  pool.close();
});

Deno.test("a bulk connection is new and does not come back", async () => {
  const { pool, far, lanes } = poolOf(1);
  const bulk = await pool.acquire("bulk");
  pool.release(bulk);
  assertEquals(pool.live, false);
  assertEquals(await far[0]!.read(), null);
  assertEquals(lanes, ["bulk"]);
  pool.close();
});

Deno.test("a burst leaves a bounded number of idle connections", async () => {
  const { pool, far } = poolOf(2);
  const burst = await Promise.all(Array.from({ length: 50 }, () => pool.acquire("interactive")));
  for (const upstream of burst) pool.release(upstream);
  await turn();
  const soon = turn();
  const ends = await Promise.all(far.map((duplex) => Promise.race([duplex.read(), soon])));
  const open = ends.filter((end) => end !== null).length;
  assert(open <= 8 + 2, `${open} are open`);
  pool.close();
});

Deno.test("a connection whose request was ended half-way is not used again", async () => {
  const { pool } = poolOf(1);
  const upstream = await pool.acquire("interactive");
  upstream.endRequest();
  pool.release(upstream);
  await turn();
  const next = await pool.acquire("interactive");
  assert(next !== upstream);
  next.close();
  pool.close();
});

Deno.test("a spare connection that cannot be opened is only missed", async () => {
  const { pool, fail } = poolOf(1);
  fail(true);
  pool.fill();
  await turn();
  assertEquals(pool.live, false);
  fail(false);
  const upstream = await pool.acquire("interactive");
  upstream.close();
  pool.close();
});

Deno.test("after closing, nothing is kept", async () => {
  const { pool, far } = poolOf(1);
  const upstream = await pool.acquire("interactive");
  pool.close();
  pool.release(upstream);
  assertEquals(await far[0]!.read(), null);
  await turn();
});

Deno.test("an idle connection that may have been dropped is asked for a sign of life", async () => {
  const far: Duplex[] = [];
  let now = 0;
  const pool = new UpstreamPool({
    warm: 1,
    mayDrop: () => true,
    now: () => now,
    open() {
      const [near, other] = memoryPair();
      far.push(other);
      return Promise.resolve(near);
    },
  });
  const once = { repeatable: false, host: "gpu.example" };
  const reply = (text: string) => far[0]!.write(new TextEncoder().encode(text));
  const first = await pool.acquire("interactive");
  pool.release(first);
  // Nothing is asked while it is fresh, nor for long before what may be repeated.
  for (const [idleMs, errand] of [[3_999, once], [20_000, {}]] as const) {
    now += idleMs;
    assertEquals(await pool.acquire("interactive", errand), first);
    pool.release(first);
  }
  for (const [idleMs, errand] of [[4_001, once], [25_001, { host: "gpu.example" }]] as const) {
    now += idleMs;
    const asked = pool.acquire("interactive", errand);
    const question = new TextDecoder().decode(await far[0]!.read() ?? undefined);
    assertEquals(question, "HEAD /_ping HTTP/1.1\r\nHost: gpu.example\r\n\r\n");
    await reply("HTTP/1.1 403 Forbidden\r\nContent-Length: 20\r\n\r\n");
    assertEquals(await asked, first);
    pool.release(first);
  }

  // One that does not live on is replaced, and what was learned from it is out of date.
  now += 5_000;
  const before = pool.generation;
  const asked = pool.acquire("interactive", once);
  await far[0]!.read();
  await reply("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  const second = await asked;
  assert(second !== first);
  assert(pool.generation !== before);
  assertEquals(await far[0]!.read().catch(() => null), null);
  second.close();
  pool.close();
});
