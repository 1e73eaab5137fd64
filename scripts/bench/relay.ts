/**
 * Measures the relay side by side with OpenSSH and socat on this machine: throughput, latency, and
 * memory, the figures an earlier tool claimed for itself (about 500 MB/s, below 1 ms, 50 MB and 1 MB
 * per connection). Needs root, ssh, sshd and socat. Usage: `deno run -A scripts/bench/relay.ts`.
 */
import { BULK_BYTES, ECHO, SEND, Stage, TAKE, type Way, writeAll } from "./relay/stage.ts";

const ROUNDS = 5;
const PINGS = 500;
const FRESH = 100;
const IDLE = 100;

/** The figures of one way, in the order of the columns. */
interface Figures {
  down: number[];
  up: number[];
  ping: number[];
  fresh: number[];
  baseMb: number;
  perConnectionKb: number;
}

function connect({ socket }: Way): Promise<Deno.UnixConn> {
  return Deno.connect({ transport: "unix", path: socket });
}

async function download(way: Way): Promise<number> {
  using conn = await connect(way);
  const buffer = new Uint8Array(256 * 1024);
  const since = performance.now();
  await writeAll(conn, Uint8Array.of(SEND));
  for (let taken = 0; taken < BULK_BYTES;) taken += await conn.read(buffer) ?? Infinity;
  return rate(since);
}

async function upload(way: Way): Promise<number> {
  using conn = await connect(way);
  const piece = new Uint8Array(256 * 1024);
  const since = performance.now();
  await writeAll(conn, Uint8Array.of(TAKE));
  for (let sent = 0; sent < BULK_BYTES; sent += piece.length) await writeAll(conn, piece);
  await conn.read(piece);
  return rate(since);
}

/** Megabytes (of a million bytes) a second. */
function rate(since: number): number {
  return BULK_BYTES / 1e6 / ((performance.now() - since) / 1000);
}

/** Milliseconds of one question on an open connection, the median of many. */
async function ping(way: Way): Promise<number> {
  using conn = await connect(way);
  const buffer = new Uint8Array(64);
  await writeAll(conn, Uint8Array.of(ECHO));
  const times: number[] = [];
  for (let i = 0; i < PINGS; i++) {
    const since = performance.now();
    await writeAll(conn, buffer);
    for (let got = 0; got < buffer.length;) got += await conn.read(new Uint8Array(64)) ?? Infinity;
    times.push(performance.now() - since);
  }
  return median(times);
}

/** Milliseconds from connecting to the first answer, the median of many. */
async function fresh(way: Way): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < FRESH; i++) {
    const since = performance.now();
    using conn = await connect(way);
    await writeAll(conn, Uint8Array.of(ECHO, 1));
    await conn.read(new Uint8Array(1));
    times.push(performance.now() - since);
  }
  return median(times);
}

/** Resident megabytes at rest, and kilobytes more for each connection that waits. */
async function memory(way: Way): Promise<{ baseMb: number; perConnectionKb: number }> {
  const before = rss(way.pids());
  const conns = await Promise.all(Array.from({ length: IDLE }, () => connect(way)));
  for (const conn of conns) {
    await writeAll(conn, Uint8Array.of(ECHO, 1));
    await conn.read(new Uint8Array(1));
  }
  const after = rss(way.pids());
  for (const conn of conns) conn.close();
  return { baseMb: before / 1e6, perConnectionKb: (after - before) / IDLE / 1000 };
}

function rss(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return sum + Number(status.match(/^VmRSS:\s+(\d+) kB/m)?.[1] ?? 0) * 1024;
  }, 0);
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

async function measure(ways: readonly Way[]): Promise<Map<Way, Figures>> {
  const results = new Map<Way, Figures>();
  for (const way of ways) {
    await ping(way); // so that nobody is measured while it is still compiling
    results.set(way, { down: [], up: [], ping: [], fresh: [], ...await memory(way) });
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [way, figures] of results) {
      figures.down.push(await download(way));
      figures.up.push(await upload(way));
      figures.ping.push(await ping(way));
      figures.fresh.push(await fresh(way));
    }
  }
  return results;
}

function render(results: ReadonlyMap<Way, Figures>): string {
  const rows = [...results].map(([{ name }, it]) => [
    name,
    ...[it.down, it.up].map((values) => median(values).toFixed(0)),
    ...[it.ping, it.fresh].map((values) => median(values).toFixed(2)),
    it.baseMb.toFixed(0),
    it.perConnectionKb.toFixed(0),
  ]);
  const head = ["way", "down MB/s", "up MB/s", "ping ms", "fresh ms", "base MB", "kB/connection"];
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

if (import.meta.main) {
  await using stage = await Stage.open();
  console.log(render(await measure(stage.ways)));
}
