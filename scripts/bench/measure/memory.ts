/**
 * The resident memory of the one local process of a peer: at rest, for each idle client
 * connection, and how much it grows while 1 GB goes through it to a client that reads as fast as
 * it can and to one that first stalls and then reads slowly. A fresh process each time, so that
 * nothing measured before counts.
 */
import { ApiConnection } from "../api_connection.ts";
import type { Peer } from "../peers/peer.ts";
import { growthOf, settledRss } from "../rss.ts";
import { sleep } from "../sleep.ts";
import { LONG_BYTES } from "../stage.ts";
import type { Context, Measurement } from "./measurement.ts";

const IDLE_CONNECTIONS = 200;
const WARM_UP_CONNECTIONS = 20;
/** The slow reader: reads nothing for a while, then at this rate. */
const SLOW_STALL_MS = 3000;
const SLOW_BYTES_PER_MS = 64_000;

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 ** 2;

/** See the file comment. */
export const memory: Measurement = {
  id: "memory",
  rows: [
    { id: "rss-idle", title: "RSS, idle", unit: "MiB" },
    {
      id: "rss-connection",
      title: `RSS per idle connection (of ${IDLE_CONNECTIONS})`,
      unit: "KiB",
    },
    { id: "rss-fast", title: "RSS growth, 1 GB to a fast reader", unit: "MiB" },
    { id: "rss-slow", title: "RSS growth, 1 GB to a slow reader", unit: "MiB" },
  ],
  rounds: { full: 1, quick: 1 },
  peers: ["agent", "ssh-l"],
  onceOnly: true,
  async measure({ id }, context) {
    const idle = await withFresh(id, context, measureIdle);
    const slow = await withFresh(id, context, (peer, pid) => transfer(peer, pid, context, true));
    const fast = await withFresh(id, context, (peer, pid) => transfer(peer, pid, context, false));
    return { ...idle, "rss-fast": [fast / MEBIBYTE], "rss-slow": [slow / MEBIBYTE] };
  },
};

async function withFresh<T>(
  id: Peer["id"],
  context: Context,
  action: (peer: Peer, pid: number, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const peer = await context.fresh(id);
  try {
    if (peer.pid === undefined) throw new Error(`Cannot measure the memory of "${id}": no process`);
    return await action(peer, peer.pid, context.signal);
  } finally {
    await peer.stop();
  }
}

/** Connections that have had one answer from the engine and then stay open. */
async function measureIdle(peer: Peer, pid: number, signal: AbortSignal) {
  const connections: ApiConnection[] = [];
  const open = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const connection = new ApiConnection(await peer.dial());
      connections.push(connection);
      await connection.request("GET", "/version");
    }
    return await settledRss(pid, signal);
  };
  try {
    const idle = await settledRss(pid, signal);
    const before = await open(WARM_UP_CONNECTIONS);
    const after = await open(IDLE_CONNECTIONS);
    return {
      "rss-idle": [idle / MEBIBYTE],
      "rss-connection": [(after - before) / IDLE_CONNECTIONS / KIBIBYTE],
    };
  } finally {
    for (const connection of connections) await connection.close();
  }
}

/** The growth of the memory during one long transfer, in bytes. */
async function transfer(
  peer: Peer,
  pid: number,
  { stage, signal }: Context,
  slow: boolean,
): Promise<number> {
  await download(peer, stage.container, stage.shortFile, () => {});
  const before = await settledRss(pid, signal);
  let start: number | undefined;
  let received = 0;
  const pace = async (piece: Uint8Array) => {
    start ??= performance.now() + SLOW_STALL_MS;
    received += piece.length;
    const early = start + received / SLOW_BYTES_PER_MS - performance.now();
    if (early > 1) await sleep(early, signal);
  };
  const count = (piece: Uint8Array) => {
    received += piece.length;
  };
  const sink = slow ? pace : count;
  const growth = await growthOf(pid, before, signal, async () => {
    await download(peer, stage.container, stage.longFile, sink);
  });
  if (received < LONG_BYTES) throw new Error(`Cannot trust the transfer: ${received} bytes came`);
  return growth;
}

/** The content of a file in a container: what `docker cp` out of it asks for. */
async function download(
  peer: Peer,
  container: string,
  file: string,
  sink: (piece: Uint8Array) => Promise<void> | void,
): Promise<void> {
  const connection = new ApiConnection(await peer.dial());
  try {
    const path = `/containers/${container}/archive?path=${encodeURIComponent(file)}`;
    const status = await connection.stream("GET", path, sink);
    if (status !== 200) throw new Error(`Cannot download "${file}": status ${status}`);
  } finally {
    await connection.close();
  }
}
