/** Durations as Go's `time.Duration` prints them, which is what the readers of `/health` expect. */

/**
 * `1h23m45s`, `5m30s`, `0s`; below a second `250ms`. Whole seconds from one second on, since nobody
 * reads an uptime more precisely.
 */
export function formatDuration(milliseconds: number): string {
  if (milliseconds > 0 && milliseconds < 1000) return `${Math.max(1, Math.floor(milliseconds))}ms`;
  const total = Math.max(0, Math.floor(milliseconds / 1000));
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor(total / 60) % 60;
  const seconds = `${total % 60}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
