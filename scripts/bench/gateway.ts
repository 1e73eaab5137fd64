/**
 * Measures the gateway side by side with nginx doing the same on this machine: 1,000 connections with
 * client certificates at the same time, the memory that each takes, requests a second and latency.
 * Needs nginx. Usage: `deno run -A scripts/bench/gateway.ts`.
 */
import { type Credentials, Stage, type Way } from "./gateway/stage.ts";
import { settledRss } from "./rss.ts";

const CONNECTIONS = 1000;
const FEW = 32;
const MEASURE_MS = 4000;
const PINGS = 2000;
const ROUNDS = 3;
/** Handshakes at the same time while connections are opened. */
const OPENING = 16;
const REQUEST = new TextEncoder().encode("GET /_ping HTTP/1.1\r\nHost: localhost\r\n\r\n");
const NEVER = new AbortController().signal;

/** The figures of one way. */
interface Figures {
  readonly handshakes: number;
  readonly perConnectionKb: number;
  readonly many: number;
  readonly few: number;
  readonly pingUs: number;
}

/** One connection of a client, with room for an answer. */
class Client {
  readonly #conn: Deno.TlsConn;
  readonly #buffer = new Uint8Array(4096);

  private constructor(conn: Deno.TlsConn) {
    this.#conn = conn;
  }

  static async open({ port }: Way, credentials: Credentials): Promise<Client> {
    const conn = await Deno.connectTls({ hostname: "localhost", port, ...credentials });
    const client = new Client(conn);
    await client.ping();
    return client;
  }

  /** One request; an answer ends with its body, `OK`. */
  async ping(): Promise<void> {
    await this.#conn.write(REQUEST);
    for (let length = 0;;) {
      const count = await this.#conn.read(this.#buffer.subarray(length));
      if (count === null) throw new Error("The connection ended");
      length += count;
      if (this.#buffer[length - 2] === 79 && this.#buffer[length - 1] === 75) return;
    }
  }

  close(): void {
    this.#conn.close();
  }
}

async function openAll(way: Way, credentials: Credentials, count: number): Promise<Client[]> {
  const clients: Client[] = [];
  const opener = async () => {
    while (clients.length < count) clients.push(await Client.open(way, credentials));
  };
  await Promise.all(Array.from({ length: OPENING }, opener));
  return clients;
}

/** Requests a second over all of the connections at once. */
async function rate(clients: readonly Client[]): Promise<number> {
  const until = performance.now() + MEASURE_MS;
  let requests = 0;
  await Promise.all(clients.map(async (client) => {
    for (; performance.now() < until; requests++) await client.ping();
  }));
  return requests / (MEASURE_MS / 1000);
}

async function latency(client: Client): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < PINGS; i++) {
    const since = performance.now();
    await client.ping();
    times.push(performance.now() - since);
  }
  return median(times) * 1000;
}

async function measure(way: Way, credentials: Credentials): Promise<Figures> {
  const warm = await openAll(way, credentials, OPENING);
  const pingUs = await latency(warm[0]!);
  const few = await rate((await openAll(way, credentials, FEW)).map((it) => (warm.push(it), it)));
  for (const client of warm) client.close();
  const before = await settledRss(way.pid, NEVER);
  const since = performance.now();
  const clients = await openAll(way, credentials, CONNECTIONS);
  const handshakes = clients.length / ((performance.now() - since) / 1000);
  const perConnectionKb = (await settledRss(way.pid, NEVER) - before) / clients.length / 1024;
  const many = await rate(clients);
  for (const client of clients) client.close();
  return { handshakes, perConnectionKb, many, few, pingUs };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

if (import.meta.main) {
  await using stage = await Stage.set();
  const results = new Map<string, Figures[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of stage.ways) {
      const figures = await measure(way, stage.credentials);
      console.error(`round ${round + 1}: ${way.name} ${JSON.stringify(figures)}`);
      results.set(way.name, [...results.get(way.name) ?? [], figures]);
    }
  }
  const of = (name: string, key: keyof Figures) =>
    median((results.get(name) ?? []).map((figures) => figures[key]));
  // Only the first round finds the memory untouched.
  const most = (name: string, key: keyof Figures) =>
    Math.max(...(results.get(name) ?? []).map((figures) => figures[key]));
  const row = (what: string, key: keyof Figures, take = of, digits = 0) => {
    const [ours, theirs] = [take("gateway", key), take("nginx", key)];
    const ratio = (ours / theirs).toFixed(2);
    console.log(`| ${what} | ${ours.toFixed(digits)} | ${theirs.toFixed(digits)} | ${ratio} |`);
  };
  console.log(`| median of ${ROUNDS} | gateway | nginx | ratio |\n| --- | ---: | ---: | ---: |`);
  row(`Requests a second, ${CONNECTIONS} connections`, "many");
  row(`Requests a second, ${FEW} connections`, "few");
  row("Latency of one request, µs", "pingUs");
  row("New connections a second", "handshakes");
  row("Memory for each connection, KiB", "perConnectionKb", most, 1);
}
