/**
 * Shows long syncs as bars on the terminal: files, bytes, rate and what remains. A bar appears only
 * after a while, and is gone when the sync is over.
 */
// @ts-types="@types/cli-progress"
import { MultiBar, type SingleBar } from "cli-progress";
import process from "node:process";
import { QUIET_MS, type ReportSync } from "../sync/sync_report.ts";
import type { SyncProgress } from "../sync/types.ts";

const FORMAT = "Syncing {what} {bar} {percentage}%  {files} files  {megabytes} MB  {rate} MB/s  " +
  "{eta_formatted} left";

/** Reports as bars on standard error. */
export function barReports(now: () => number = () => performance.now()): ReportSync {
  const screen = new MultiBar({
    format: FORMAT,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    barsize: 24,
    fps: 5,
    gracefulExit: false,
  });
  // A log line begins at the margin then, in the place of the bar, which is drawn anew below.
  screen.on("redraw-post", () => process.stderr.write("\r"));
  let shown = 0;
  return (what) => {
    const begun = now();
    let bar: SingleBar | undefined;
    return {
      update(progress) {
        if (progress.totalFiles === 0 || now() - begun < QUIET_MS) return;
        if (bar === undefined) {
          bar = screen.create(1, 0, { what, files: "", megabytes: "", rate: "" });
          shown += 1;
        }
        bar.setTotal(Math.max(1, progress.totalBytes));
        bar.update(progress.bytes, describe(progress, now() - begun));
      },
      end() {
        if (bar === undefined) return;
        screen.remove(bar);
        bar = undefined;
        shown -= 1;
        if (shown === 0) screen.stop();
      },
    };
  };
}

function describe({ files, totalFiles, bytes, totalBytes }: SyncProgress, elapsedMs: number) {
  const mega = (count: number) => (count / 1e6).toFixed(1);
  return {
    files: `${files}/${totalFiles}`,
    megabytes: `${mega(bytes)}/${mega(totalBytes)}`,
    rate: mega(bytes / Math.max(0.001, elapsedMs / 1000)),
  };
}
