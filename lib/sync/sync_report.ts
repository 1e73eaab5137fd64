/**
 * Tells how a long sync goes on that somebody waits for. Here as log lines; a terminal may show it
 * otherwise. Reports have no timers: they speak when there is progress.
 */
import { logger } from "../log.ts";
import type { SyncProgress } from "./types.ts";

/** One sync that is waited for. */
export interface SyncReport {
  update(progress: SyncProgress): void;
  /** It is over, well or not. */
  end(): void;
}

/** Begins a report; `what` follows the word "Syncing", such as `for web`. */
export type ReportSync = (what: string) => SyncReport;

/** A sync that takes less is not worth a word. */
export const QUIET_MS = 2_000;
const EVERY_MS = 5_000;

/** Reports as log lines at level info. */
export function logReports(): ReportSync {
  const log = logger("sync");
  const now = () => performance.now();
  return (what) => {
    const begun = now();
    let next = begun + QUIET_MS;
    let last: SyncProgress | undefined;
    return {
      update(progress) {
        last = progress;
        if (now() < next) return;
        next = now() + EVERY_MS;
        log.info(`Syncing ${what}: ${describeProgress(progress)}`);
      },
      end() {
        if (last === undefined || now() - begun < QUIET_MS) return;
        const seconds = ((now() - begun) / 1000).toFixed(1);
        log.info(`Synced ${what} in ${seconds} s: ${describeProgress(last)}`);
      },
    };
  };
}

/** `120 of 5000 files, 1.2 of 80.0 MB`. Without files, there is something to be removed. */
function describeProgress(progress: SyncProgress): string {
  const { files, totalFiles, bytes, totalBytes } = progress;
  if (totalFiles === 0) return "what is gone is removed";
  const mega = (count: number) => (count / 1e6).toFixed(1);
  return `${files} of ${totalFiles} files, ${mega(bytes)} of ${mega(totalBytes)} MB`;
}
