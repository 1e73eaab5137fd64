/** Waiting until the clock of the remote file system has gone on. */
import { sleep } from "../../system/sleep.ts";
import type { FilesRoot } from "./files_root.ts";
import { remoteClock } from "./file_stamp.ts";

const PAUSE_MS = 150;
/** A clock that stands still, or was set back, is not waited for longer. */
const MAX_PAUSES = 10;

/** Returns what the clock says then. Rejects with the reason of `signal`. */
export async function nextSecond(
  { files, staging }: Pick<FilesRoot, "files" | "staging">,
  now: number,
  signal?: AbortSignal,
): Promise<number> {
  let clock = now;
  for (let n = 0; n < MAX_PAUSES && clock <= now; n++) {
    await pause(PAUSE_MS, signal);
    clock = await remoteClock(files, staging);
  }
  return clock;
}

async function pause(ms: number, signal = new AbortController().signal): Promise<void> {
  signal.throwIfAborted();
  await sleep(ms, signal);
  signal.throwIfAborted();
}
