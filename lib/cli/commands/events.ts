/**
 * `events`: what happens in the programs of this user that run now, as it happens. Changes nothing;
 * the programs are found by their private sockets.
 */
import { runtimeFolders } from "../../config/paths.ts";
import type { Values } from "../../config/schema.ts";
import { quote, readDuration } from "../../config/values.ts";
import { AgentError } from "../../errors.ts";
import { oneLine } from "../../log.ts";
import { followEvents } from "../../ops/follow.ts";
import type { System } from "../system.ts";
import { nobody } from "./status.ts";

/** Follows all programs that run. */
export type Follow = typeof followEvents;

/**
 * Returns the exit code 0 once it is interrupted, or has shown what is kept. Throws `AgentError`:
 * `unreachable` when no program runs, `lost` when all of them have ended.
 */
export async function runEvents(
  { json, since, follow }: Pick<Values, "json" | "since" | "follow">,
  system: System,
  followAll: Follow = followEvents,
): Promise<number> {
  const from = since === undefined ? {} : { since: parseSince(since, Date.now()) };
  const stop = new AbortController();
  const unwatch = system.onSignal(() => stop.abort());
  let unwritten: unknown;
  const onLine = (line: string) => {
    try {
      system.out((json ? line : renderEvent(line)) + "\n");
    } catch (error) {
      unwritten ??= error;
      stop.abort();
    }
  };
  try {
    const options = { ...from, follow, onLine, signal: stop.signal };
    const count = await followAll(runtimeFolders(system.place), options);
    if (unwritten !== undefined) throw unwritten;
    if (stop.signal.aborted) return 0;
    if (count === 0) throw nobody(system);
    if (follow) throw new AgentError("lost", "The program that was followed has ended");
    return 0;
  } finally {
    unwatch();
  }
}

/** Milliseconds since the epoch; throws `AgentError` of kind `usage`. */
export function parseSince(text: string, now: number): number {
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : NaN;
  if (Number.isFinite(time)) return time;
  try {
    return now - readDuration(text);
  } catch (cause) {
    throw new AgentError("usage", `Invalid value ${quote(text)} for --since`, {
      cause,
      hint: "write a duration such as 10m, or a time such as 2026-01-16T10:30:00Z",
    });
  }
}

/** One event for people: when, of which host, what, and its facts. */
export function renderEvent(line: string): string {
  const event: unknown = JSON.parse(line);
  if (typeof event !== "object" || event === null) return oneLine(line);
  const { time = "", pid: _, host, kind = "", ...facts } = event as Record<string, unknown>;
  const words = Object.entries(facts).map(([name, value]) => `${name}=${valueText(value)}`);
  const who = host === undefined ? [] : [`${host}:`];
  return oneLine([time, ...who, kind, ...words].join(" "));
}

function valueText(value: unknown): string {
  const text = String(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
