/** What the two forms of a command's stream have in common. */
import { sleep } from "../../system/sleep.ts";
import type { ExitReport } from "../../transport/guest/exec_frames.ts";
import type { Spawned } from "./spawned.ts";

/** How long the last words of a terminal are waited for: others may hold it open. */
const LAST_WORDS_MS = 200;

/** Joins a client and a command until one of them is gone; `onExit` is told how the command ended. */
export type Report = (report: ExitReport) => void;

/**
 * How the command ended, once its outputs have been relayed to their end. As with sshd, pipes are
 * waited for even if it is others that hold them; a terminal is not.
 */
export async function exitOf(spawned: Spawned, outputs: Promise<unknown>): Promise<ExitReport> {
  if (!spawned.endsWithLeader) {
    await outputs;
    return await spawned.exit;
  }
  const report = await spawned.exit;
  const late = new AbortController();
  await Promise.race([outputs, sleep(LAST_WORDS_MS, late.signal)]);
  late.abort();
  return report;
}
