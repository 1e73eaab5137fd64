/** The resident set size of a process, in bytes, from `/proc` (Linux; see proc(5), `VmRSS`). */
import { sleep } from "./sleep.ts";

const POLL_MS = 25;
/** How long a process is left alone before its memory counts as settled. */
const SETTLE_MS = 1500;

/** The memory the process has now. Throws when there is no such process. */
export async function rssOf(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1];
  if (kilobytes === undefined) throw new Error(`Cannot read the memory of process ${pid}`);
  return Number(kilobytes) * 1024;
}

/** The memory after the process has been left alone for a while. */
export async function settledRss(pid: number, signal: AbortSignal): Promise<number> {
  await sleep(SETTLE_MS, signal);
  return await rssOf(pid);
}

/** How far the memory rises above `before` while `action` runs. */
export async function growthOf(
  pid: number,
  before: number,
  signal: AbortSignal,
  action: () => Promise<void>,
): Promise<number> {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  let highest = before;
  const watching = (async () => {
    while (!until.aborted) {
      highest = Math.max(highest, await rssOf(pid));
      // The wait is cut short when the action is over; there is nothing to report then.
      await sleep(POLL_MS, until).catch(() => {});
    }
  })();
  await Promise.all([action().finally(() => over.abort()), watching]);
  return highest - before;
}
