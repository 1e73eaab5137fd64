/** A small client of the engine: what the agent itself asks it. */
import { AgentError, messageOf } from "../errors.ts";
import { HttpFramer } from "../http/framer.ts";
import { FramedStream } from "../http/framed_stream.ts";
import type { ResponseHead } from "../http/head.ts";
import { ResponseParser } from "../http/parser.ts";
import type { Duplex } from "../net/duplex.ts";
import { ownRequest } from "./own_request.ts";

/** Options of {@link pingEngine}. */
export interface PingOptions {
  timeoutMs: number;
  /** The remote host, for messages. */
  where: string;
}

/**
 * Asks the engine at the other end of `stream` whether it is one; closes the stream. Throws
 * `AgentError` of kind `engine` when it does not answer in time, or not like Docker.
 */
export async function pingEngine(stream: Duplex, options: PingOptions): Promise<void> {
  const fail = (problem: string, cause?: unknown) =>
    new AgentError("engine", `The Docker engine on ${options.where} ${problem}`, {
      cause,
      hint: "check --remote-docker, and that Docker runs there: docker version",
    });
  const framed = responsesTo(["GET"], stream);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    stream.close();
  }, options.timeoutMs);
  try {
    await stream.write(ownRequest("GET", "/_ping"));
    const event = await framed.next();
    if (event?.type !== "head") throw fail("closed the connection without an answer");
    if (event.head.status !== 200) throw fail(`answered _ping with status ${event.head.status}`);
  } catch (error) {
    if (late) throw fail(`did not answer within ${options.timeoutMs / 1000} s`);
    if (error instanceof AgentError) throw error;
    throw fail(`does not answer as Docker does: ${messageOf(error)}`, error);
  } finally {
    clearTimeout(timer);
    framed.close();
  }
}

/** Asks `_ping` both ways a client does, and reads the answers to their end; `stream` stays open. */
export async function askPings(stream: Duplex): Promise<void> {
  const methods = ["HEAD", "GET"];
  const framed = responsesTo(methods, stream);
  for (const method of methods) {
    await stream.write(ownRequest(method, "/_ping"));
    for (let event = await framed.next(); event?.type !== "end"; event = await framed.next()) {
      if (event === null) throw new AgentError("engine", "The engine closed the connection");
    }
  }
}

function responsesTo(methods: readonly string[], stream: Duplex): FramedStream<ResponseHead> {
  const parser = new ResponseParser();
  for (const method of methods) parser.expect(method);
  return new FramedStream(stream, new HttpFramer(parser));
}
