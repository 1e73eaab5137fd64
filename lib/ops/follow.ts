/** Reads the events of running commands, over their private sockets, as they come. */
import { AgentError, isClosedError } from "../errors.ts";
import { LineSplitter } from "../docker/json_lines.ts";
import { FramedStream } from "../http/framed_stream.ts";
import { HttpFramer } from "../http/framer.ts";
import type { Body } from "../http/message.ts";
import { HttpParseError } from "../http/parse_error.ts";
import { ResponseParser } from "../http/parser.ts";
import { addressText } from "../listen/bind_error.ts";
import type { ListenAddress } from "../net/address.ts";
import { askEach, openAt } from "./ask.ts";

/** How to follow. */
export interface FollowEventsOptions {
  /** Milliseconds since the epoch. Absent: only what is still to come. */
  readonly since?: number;
  readonly follow: boolean;
  /** Takes one line of JSON, without its end. */
  readonly onLine: (line: string) => void;
  /** Ends the reading. */
  readonly signal: AbortSignal;
}

/**
 * Follows all commands that run until each of them has ended or `signal` aborts; returns how many
 * there were. One that cannot be followed is told of in the log and left out; so, without a word, is
 * one that has no events to tell of, such as a relay.
 */
export async function followEvents(
  directories: readonly string[],
  options: FollowEventsOptions,
): Promise<number> {
  const followed = await askEach(directories, (address) => followAt(address, options));
  return followed.filter((isFollowed) => isFollowed).length;
}

async function followAt(address: ListenAddress, options: FollowEventsOptions): Promise<boolean> {
  const { since, follow, signal } = options;
  const query = new URLSearchParams({
    ...(since === undefined ? {} : { since: `${since}` }),
    ...(follow ? {} : { follow: "no" }),
  });
  const stream = await openAt(address);
  const parser = new ResponseParser();
  parser.expect("GET");
  const framed = new FramedStream(stream, new HttpFramer(parser));
  const stop = () => framed.close();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    const head = `GET /events?${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    await framed.write(new TextEncoder().encode(head));
    const event = await framed.next();
    if (event?.type === "head" && event.head.status === 404) return false;
    if (event?.type !== "head" || event.head.status !== 200) {
      const why = "it is of another version";
      throw new AgentError("unreachable", `Cannot follow "${addressText(address)}": ${why}`);
    }
    await readLines(framed.body(), options);
    return true;
  } catch (error) {
    // The program has ended, or the one who reads; a program that is killed ends within a chunk.
    if (signal.aborted || isClosedError(error) || error instanceof HttpParseError) return true;
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    framed.close();
  }
}

async function readLines(body: Body, { onLine }: FollowEventsOptions): Promise<void> {
  const lines = new LineSplitter();
  const decoder = new TextDecoder();
  for (let piece = await body.read(); piece !== null; piece = await body.read()) {
    for (const line of piece.data.flatMap((data) => lines.push(data))) {
      onLine(decoder.decode(line).trimEnd());
    }
  }
}
