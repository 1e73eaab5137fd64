/**
 * Hints that something in a large remote tree has changed, without listing it. Where the remote host
 * has inotifywait, that tells at once. Otherwise, and where it gives up (the kernel has a limit of
 * watches), a loop asks `find` for the first path that is newer than a mark. Either prints a line when
 * there is something, rests several times as long as a look takes, and ends when its input does.
 */
import { posixCommand, shellQuote } from "../../transport/posix_shell.ts";
import type { RemoteProcess, Shell, SpawnOptions } from "../../transport/transport.ts";
import type { RemoteRoot } from "./root.ts";

/** A shell that has places for a few commands that stay. */
export interface WatchingShell extends Shell {
  /** As {@link Shell.spawn}; nothing if the places are taken. */
  watch?(command: string, options?: SpawnOptions): Promise<RemoteProcess> | undefined;
}

type Place = Pick<RemoteRoot, "path" | "staging">;

const LEAST_PAUSE_MS = 300;
/** Between two hints of inotifywait. */
const LEAST_REST_MS = 100;
/** Pauses last so many times what looking takes. */
const PAUSE_FACTOR = 4;

/** Who is told of a watch, and how it is ended. */
export interface WatchOptions {
  readonly onChange: () => void;
  /** It has ended, for whatever reason. */
  readonly onEnd: () => void;
  readonly signal: AbortSignal;
}

/** Starts watching; returns whether there was a place for it. Throws as {@link Shell.spawn}. */
export async function watchRemote(
  shell: WatchingShell,
  root: Place,
  { onChange, onEnd, signal }: WatchOptions,
): Promise<boolean> {
  const process = await shell.watch?.(posixCommand(script(root)), { signal });
  if (process === undefined) return false;
  // It may have been started in the moment in which nobody wanted it any more.
  if (signal.aborted) process.stdio.close();
  void pump(process, onChange).finally(onEnd);
  return true;
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

function script({ path, staging }: Place): string {
  const own = staging.startsWith(`${path}/`)
    ? `-path ${shellQuote(`.${staging.slice(path.length)}`)} -prune -o `
    : "";
  return [
    `cd ${shellQuote(path)} || exit 66`,
    `M=$(mktemp ${shellQuote(`${staging}/mark.XXXXXXXX`)}) || exit 74`,
    `trap 'rm -f "$M" "$M.n" "$M.p"' EXIT; trap 'exit 0' HUP INT TERM PIPE`,
    "exec 3<&0; W=",
    ...inotify(path, staging),
    "(cat <&3 >/dev/null; kill $W $$ 2>/dev/null) &",
    ...loop(own),
  ].join("\n");
}

/**
 * Runs until inotifywait ends. Its messages are hints as well: one of them is that the watches are
 * there, before which changes may have been missed.
 */
function inotify(path: string, staging: string): string[] {
  const own = staging.startsWith(`${path}/`)
    ? ` ${shellQuote(`@.${staging.slice(path.length)}`)}`
    : "";
  return [
    `if command -v inotifywait >/dev/null 2>&1 && mkfifo -m 600 "$M.p"; then`,
    "  P=; inotifywait --help 2>&1 | grep -q -e --no-dereference && P=-P",
    `  inotifywait -m -r $P -e modify,attrib,move,create,delete --format x .${own} ` +
    `>"$M.p" 2>&1 3<&- & W=$!`,
    "fi",
  ];
}

function loop(own: string): string[] {
  // A mark one second back: two changes within one tick of the clock are both newer.
  return [
    "pause() {",
    `  p=$(( ($(date +%s%N) - $1) / 1000000 * ${PAUSE_FACTOR} ))`,
    `  [ $p -ge $2 ] || p=$2`,
    `  sleep "$((p / 1000)).$(printf %03d $((p % 1000)))" 3<&-`,
    "}",
    `if [ -n "$W" ]; then`,
    `  a=$(date +%s%N); find . ${own}-print >/dev/null 2>&1; b=$(( $(date +%s%N) - a ))`,
    `  while [ -n "$(dd bs=65536 count=1 2>/dev/null 3<&-)" ]; do`,
    `    echo; pause $(( $(date +%s%N) - b )) ${LEAST_REST_MS}`,
    `  done <"$M.p"`,
    "fi",
    "while :; do",
    "  a=$(date +%s%N)",
    `  touch -d '-1 second' "$M.n"`,
    `  if [ -n "$(find . ${own}-cnewer "$M" -print -quit 2>/dev/null)" ]; then echo; fi`,
    `  mv -f "$M.n" "$M"`,
    `  pause $a ${LEAST_PAUSE_MS}`,
    "done",
  ];
}
