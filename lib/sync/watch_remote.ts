/**
 * Hints that something in a large remote tree has changed, without listing it: a loop there asks `find`
 * for the first path that is newer than a mark, and prints a line if there is one. It ends when its
 * input does, and rests several times as long as it works.
 */
import { posixCommand, shellQuote } from "../transport/ssh/shell.ts";
import type { RemoteProcess, Shell, SpawnOptions } from "../transport/transport.ts";
import type { RemoteRoot } from "./remote_root.ts";

/** A shell that has a place for one command that stays. */
export interface WatchingShell extends Shell {
  /** As {@link Shell.spawn}; nothing if the place is taken. */
  watch?(command: string, options?: SpawnOptions): Promise<RemoteProcess> | undefined;
}

const LEAST_PAUSE_MS = 300;
/** Pauses last so many times what looking takes. */
const PAUSE_FACTOR = 4;

/** Starts watching; nothing if there is no place for it. `onEnd` is called when it has ended. */
export async function watchRemote(
  shell: WatchingShell,
  root: RemoteRoot,
  onChange: () => void,
  onEnd: () => void,
): Promise<{ close(): void } | undefined> {
  const process = await shell.watch?.(posixCommand(script(root)));
  if (process === undefined) return undefined;
  void pump(process, onChange).finally(onEnd);
  return { close: () => process.stdio.close() };
}

async function pump({ stdio }: RemoteProcess, onChange: () => void): Promise<void> {
  try {
    while (await stdio.read() !== null) onChange();
  } catch {
    // The connection is gone; the session asks by itself until there is another watch.
  } finally {
    stdio.close();
  }
}

function script({ path, staging }: RemoteRoot): string {
  const own = staging.startsWith(`${path}/`)
    ? `-path ${shellQuote(`.${staging.slice(path.length)}`)} -prune -o `
    : "";
  // A mark one second back: two changes within one tick of the clock are both newer.
  return [
    `cd ${shellQuote(path)} || exit 66`,
    `M=$(mktemp ${shellQuote(`${staging}/mark.XXXXXXXX`)}) || exit 74`,
    `trap 'rm -f "$M" "$M.n"' EXIT; trap 'exit 0' HUP INT TERM PIPE`,
    "exec 3<&0; (cat <&3 >/dev/null; kill $$ 2>/dev/null) &",
    "while :; do",
    "  a=$(date +%s%N)",
    `  touch -d '-1 second' "$M.n"`,
    `  if [ -n "$(find . ${own}-cnewer "$M" -print -quit 2>/dev/null)" ]; then echo; fi`,
    `  mv -f "$M.n" "$M"`,
    `  p=$(( ($(date +%s%N) - a) / 1000000 * ${PAUSE_FACTOR} ))`,
    `  [ $p -ge ${LEAST_PAUSE_MS} ] || p=${LEAST_PAUSE_MS}`,
    `  sleep "$((p / 1000)).$(printf %03d $((p % 1000)))" 3<&-`,
    "done",
  ].join("\n");
}
