/** The measurements of synced folders. Each returns samples by row; see `sync.ts` for the rows. */
import { join } from "node:path";
import { until } from "../../../tests/support/poll.ts";
import { rssOf } from "../rss.ts";
import { sleep } from "../sleep.ts";
import type { SyncStage } from "./stage.ts";
import { makeTree, type TreeSize } from "./trees.ts";

/** Samples by row. */
export type Samples = Record<string, number[]>;

/** How much of everything: 1 is what the targets are about. */
export interface Effort {
  readonly scale: number;
  readonly rounds: number;
  readonly signal: AbortSignal;
}

const MANY: TreeSize = { files: 10_000, bytes: 100_000_000 };
const LARGE: TreeSize = { files: 20, bytes: 1_000_000_000 };
/** The files are small: what is measured is their number. */
const WATCHED: TreeSize = { files: 50_000, bytes: 50_000_000 };
const WARM_UP: TreeSize = { files: 300, bytes: 3_000_000 };
const SEEN_TIMEOUT_MS = 20_000;
const IDLE_MS = 20_000;
const CLOCK_TICKS_PER_S = 100;
const POLL_MS = 2;

/**
 * A first sync of many small files and of a few large ones, and the same by rsync, in turn. Nothing is
 * deleted in between: ext4 is slow to make files where many have just been deleted.
 */
export async function firstSync(stage: SyncStage, effort: Effort): Promise<Samples> {
  const samples: Samples = { many: [], "many-rsync": [], large: [], "large-rsync": [] };
  await syncRounds(stage, WARM_UP, 1, () => {});
  for (const [row, size] of [["many", MANY], ["large", LARGE]] as const) {
    await syncRounds(stage, scaled(size, effort.scale), effort.rounds, (ms, rsyncMs) => {
      effort.signal.throwIfAborted();
      samples[row]?.push(ms);
      samples[`${row}-rsync`]?.push(rsyncMs);
    });
  }
  return samples;
}

/** One tree; it has another name in each round, and so another session. */
async function syncRounds(
  stage: SyncStage,
  size: TreeSize,
  rounds: number,
  done: (ms: number, rsyncMs: number) => void,
): Promise<void> {
  let local = stage.local();
  makeTree(local, size);
  for (let round = 0; round < rounds; round++) {
    const next = stage.local();
    await Deno.rename(local, next);
    local = next;
    const rsyncMs = await stage.rsync(local);
    const { session } = await stage.manager.prepare({ local, readOnly: false });
    const since = performance.now();
    await stage.manager.flush([session]);
    done(performance.now() - since, rsyncMs);
  }
}

/** What a start waits for when nothing has changed: of a folder in use, and of one that was not. */
export async function barrier(stage: SyncStage, effort: Effort): Promise<Samples> {
  const local = stage.local();
  makeTree(local, scaled(WATCHED, effort.scale));
  const { manager } = stage;
  const { session } = await manager.prepare({ local, readOnly: false });
  await manager.flush([session]);
  const samples: Samples = { barrier: [], "barrier-used": [] };
  const time = async (row: string) => {
    const since = performance.now();
    await manager.prepare({ local, readOnly: false });
    await manager.flush([session]);
    samples[row]?.push(performance.now() - since);
  };
  for (let i = 0; i < 5 * effort.rounds; i++) {
    await time("barrier");
    await sleep(100, effort.signal);
  }
  await manager.attach({ id: "bench", name: "bench" }, [session]);
  await manager.flush([session]);
  for (let i = 0; i < 5 * effort.rounds; i++) {
    await sleep(1000, effort.signal);
    await time("barrier-used");
  }
  await manager.detach("bench");
  return samples;
}

/** A process that watches many files: how soon changes are on the other side, and what it costs. */
export async function watched(stage: SyncStage, effort: Effort): Promise<Samples> {
  const [empty, full] = [stage.local(), stage.local()];
  const file = makeTree(full, scaled(WATCHED, effort.scale));
  makeTree(empty, { files: 1, bytes: 1 });
  const samples: Samples = { saved: [], written: [], cpu: [], memory: [] };
  const base = await restingMemory(stage, empty, effort.signal);
  const remote = stage.remote();
  await using child = await stage.watch(full, remote);
  await sleep(3_000, effort.signal);
  for (let i = 0; i < 5 * effort.rounds; i++) {
    const saved = await untilSeen(join(full, file), join(stage.seen(remote), file), `l${i}`);
    samples.saved?.push(saved);
    await sleep(300 + 37 * i, effort.signal);
    const written = await untilSeen(join(stage.seen(remote), file), join(full, file), `r${i}`);
    samples.written?.push(written);
    await sleep(300 + 37 * i, effort.signal);
  }
  await sleep(3_000, effort.signal);
  const before = cpuSeconds(child.pid);
  await sleep(IDLE_MS, effort.signal);
  samples.cpu?.push(100 * (cpuSeconds(child.pid) - before) / (IDLE_MS / 1000));
  await child.stop();
  // Again, so that what the first transfer needed does not count.
  await using again = await stage.watch(full, remote);
  await sleep(5_000, effort.signal);
  samples.memory?.push((await rssOf(again.pid) - base) / 1e6);
  return samples;
}

async function restingMemory(
  stage: SyncStage,
  local: string,
  signal: AbortSignal,
): Promise<number> {
  await using child = await stage.watch(local, stage.remote());
  await sleep(5_000, signal);
  return await rssOf(child.pid);
}

/** Writes `text` into a file and waits for it in another; milliseconds. */
async function untilSeen(from: string, to: string, text: string): Promise<number> {
  const since = performance.now();
  Deno.writeTextFileSync(from, text);
  await until(`"${text}" is in ${to}`, () => Deno.readTextFileSync(to) === text, {
    timeoutMs: SEEN_TIMEOUT_MS,
    everyMs: POLL_MS,
  });
  return performance.now() - since;
}

/** User and system time so far; see proc(5). */
function cpuSeconds(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_S;
}

function scaled({ files, bytes }: TreeSize, scale: number): TreeSize {
  return {
    files: Math.max(1, Math.round(files * scale)),
    bytes: Math.max(1, Math.round(bytes * scale)),
  };
}
