/** A sync session as the status shows it. Pure but for the clock. */
import type { SyncInfo } from "../sync/types.ts";
import type { SyncStatus } from "./sources/source.ts";

/** How far behind: the age of the last sync while something is pending. */
export function syncStatus(info: SyncInfo, now = Date.now()): SyncStatus {
  const { root, remotePath, state, reason, pending, lastSync } = info;
  const lag = pending === 0 || lastSync === undefined ? 0 : Math.max(0, now - lastSync) / 1000;
  const shown = reason === undefined ? state : `${state}: ${reason}`;
  return { local: root, remote: remotePath, state: shown, lag_seconds: Math.round(lag) };
}
