/**
 * Follows the engine's `/events` on a connection of its own for as long as it is asked to: connects
 * again whenever the connection ends, and says so each time, because what happened in between is
 * not told by anybody. The watcher owns the connection.
 */
import { describeError } from "../errors.ts";
import { FramedStream } from "../http/framed_stream.ts";
import { HttpFramer } from "../http/framer.ts";
import type { ResponseHead } from "../http/head.ts";
import { isInterim } from "../http/message.ts";
import { ResponseParser } from "../http/parser.ts";
import { type Logger, logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";
import { isObject, type Json, type JsonObject, parseJson } from "./json_body.ts";
import { LineSplitter } from "./json_lines.ts";
import { ownRequest } from "./own_request.ts";
import { sleep } from "../system/sleep.ts";

/** One event, reduced to what is the same in all API versions, and with Podman. */
export interface EngineEvent {
  /** `container`, `network`, ... */
  readonly type: string;
  /** `start`, `die`, ... */
  readonly action: string;
  /** Id of what it is about. */
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** What a watcher is made of. */
export interface EventWatcherOptions {
  /** Opens a stream to the engine; it waits for the transport and gives up when `signal` aborts. */
  open(signal: AbortSignal): Promise<Duplex>;
  /** As the `filters` parameter of the API, which the engine applies. */
  filters: Readonly<Record<string, readonly string[]>>;
  /** Each time a stream of events has begun, before the first of them. */
  onConnected(): void;
  onEvent(event: EngineEvent): void;
  log?: Logger;
}

/**
 * What Podman has other words for (libpod/events/config.go). A filter is compared with its own words;
 * what it tells has Docker's for the end of a container, but not for its removal.
 */
const OTHER_WORDS: Readonly<Record<string, string>> = { die: "died", destroy: "remove" };

/** Pauses between attempts while the engine is away: doubling from the first to the last. */
const FIRST_PAUSE_MS = 250;
const LAST_PAUSE_MS = 5_000;

/** Runs until `signal` aborts; never rejects. */
export async function watchEvents(
  options: EventWatcherOptions,
  signal: AbortSignal,
): Promise<void> {
  const log = options.log ?? logger("events");
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      await followOnce({ ...options, onConnected }, signal);
      log.debug("The engine ended the stream of events");
    } catch (error) {
      if (!signal.aborted) log.debug(`Cannot follow the engine's events: ${describeError(error)}`);
    }
    await sleep(pauseMs, signal);
    pauseMs = Math.min(LAST_PAUSE_MS, pauseMs * 2);
  }
  function onConnected() {
    pauseMs = FIRST_PAUSE_MS;
    options.onConnected();
  }
}

async function followOnce(options: EventWatcherOptions, signal: AbortSignal): Promise<void> {
  const duplex = await options.open(signal);
  const parser = new ResponseParser();
  const stream = new FramedStream(duplex, new HttpFramer(parser));
  const abort = () => stream.close();
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    parser.expect("GET");
    const query = new URLSearchParams({ filters: JSON.stringify(forAnyEngine(options.filters)) });
    await stream.write(ownRequest("GET", `/events?${query}`));
    await readEvents(stream, options);
  } finally {
    signal.removeEventListener("abort", abort);
    stream.close();
  }
}

async function readEvents(
  stream: FramedStream<ResponseHead>,
  options: EventWatcherOptions,
): Promise<void> {
  let event = await stream.next();
  while (event?.type === "head" && isInterim(event.head)) event = await stream.next();
  if (event?.type !== "head") throw new Error("no answer");
  if (event.head.status !== 200) throw new Error(`status ${event.head.status}`);
  options.onConnected();
  const body = stream.body();
  const lines = new LineSplitter();
  for (let piece = await body.read(); piece !== null; piece = await body.read()) {
    for (const line of piece.data.flatMap((data) => lines.push(data))) {
      const parsed = eventOf(parseJson(line));
      if (parsed !== undefined) options.onEvent(parsed);
    }
  }
}

/**
 * Filters that Podman understands too; an engine passes over names of events that it does not have.
 * A label has to be filtered with its value: without one, no event of Podman passes.
 */
export function forAnyEngine(
  filters: Readonly<Record<string, readonly string[]>>,
): Record<string, readonly string[]> {
  const { event, ...others } = filters;
  if (event === undefined) return others;
  return { ...others, event: [...event, ...event.flatMap((name) => OTHER_WORDS[name] ?? [])] };
}

/** Reads one event; nothing for what does not have the shape of one. */
export function eventOf(value: Json): EngineEvent | undefined {
  if (!isObject(value) || !isObject(value["Actor"])) return undefined;
  const { Type, Action } = value;
  const { ID, Attributes } = value["Actor"] as JsonObject;
  if (typeof Type !== "string" || typeof Action !== "string" || typeof ID !== "string") {
    return undefined;
  }
  const texts = Object.entries(isObject(Attributes) ? Attributes : {})
    .filter((entry): entry is [string, string] => typeof entry[1] === "string");
  const attributes = Object.fromEntries(texts);
  const isJoining = Type === "network" && (Action === "connect" || Action === "disconnect");
  // Podman names the container as what such an event is about, and the network in the attributes.
  if (isJoining && attributes["container"] === undefined) attributes["container"] = ID;
  return { type: Type, action: dockerWord(Type, Action), id: ID, attributes };
}

function dockerWord(type: string, action: string): string {
  if (type !== "container") return action;
  return Object.keys(OTHER_WORDS).find((word) => OTHER_WORDS[word] === action) ?? action;
}
