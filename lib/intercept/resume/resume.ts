/**
 * What outlives the connection to the remote host: `logs -f` and `events` go on without a gap or a
 * repeat, `wait` comes to its end. What cannot (attach, exec) ends with a clear word; see
 * `proxy/last_words.ts` for the stream itself, and `start.ts` for one lost before there is anything to
 * be seen. The innermost layer: the others see one answer.
 */
import { ReplyError } from "../../docker/error_reply.ts";
import type { Exchange, Interceptor } from "../../docker/exchange.ts";
import { isLostError } from "../../errors.ts";
import { isObject, parseJson } from "../../docker/json_body.ts";
import { collect, type ResponseMessage, withResponseBody } from "../../http/message.ts";
import { CutShortError } from "../../http/parse_error.ts";
import type { Transport } from "../../transport/transport.ts";
import { EventStream } from "./event_stream.ts";
import { follow, type IsLoss } from "./follow.ts";
import { containerGoesOn, execGoesOn, fateOf } from "./stream_end.ts";
import { isTrue, LogStream } from "./log_stream.ts";
import { LostStreams } from "./lost_streams.ts";
import { PodmanLogs } from "./podman_logs.ts";
import { startHeard, type StartSurroundings } from "./start.ts";
import { LostStarts } from "./unbegun.ts";
import { resumeWait, type WaitSurroundings } from "./wait.ts";

/** Of the state of an exec. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** How long the exit of a container waits for the end of its output, which comes over another connection. */
const MAX_HEARING_MS = 10_000;
const STILL_RUNNING =
  "The connection to the remote host was lost while the command ran; it may still be running";
const CUT_OUTPUT =
  "The connection to the remote host was lost before all output of the command had " +
  "come; the command itself ended with status 0";

/**
 * The interceptor; see the file comment. `connection` gives the one that is up, another one after each
 * reconnect.
 */
export function resume(connection: () => Pick<Transport, "streams"> | undefined): Interceptor {
  const streams = () => connection()?.streams ?? connection();
  const attached = new LostStreams(streams);
  const execs = new LostStreams(streams);
  const lost = { attached, lostStarts: new LostStarts() };
  const podman = new PodmanLogs();
  return async (exchange, ask) => {
    const { route } = exchange;
    const next = async () => podman.noted(await ask());
    const id = route?.params["id"] ?? "";
    const mayEndSilently = connection()?.streams?.endSilently === true;
    const isLoss = mayEndSilently ? isLostOrCut : isLostError;
    switch (route?.name) {
      case "SystemEvents":
        return await follow(exchange, next, new EventStream(route.query), isLoss);
      case "ContainerLogs":
        if (!isTrue(route.query.get("follow")) || await podman.mixesTimes(exchange)) {
          return await next();
        }
        return await follow(exchange, next, new LogStream(route.query), isLoss);
      case "ContainerWait":
        return await resumeWait(exchange, next, waitBeside(lost, isLoss, mayEndSilently));
      case "ContainerAttach":
        attached.note(id);
        exchange.fate = fateOf(attached, exchange, mayEndSilently, containerGoesOn);
        return await next();
      case "ContainerStart":
        return await startHeard(exchange, next, {
          ...lost,
          isUp: () => connection() !== undefined,
        });
      case "ExecStart":
        execs.note(id);
        exchange.fate = fateOf(execs, exchange, mayEndSilently, execGoesOn);
        return await next();
      case "ExecInspect":
        return await inspectExec(exchange, await next(), execs);
      default:
        return await next();
    }
  };
}

function waitBeside(
  { attached, lostStarts }: Pick<StartSurroundings, "attached" | "lostStarts">,
  isLoss: IsLoss,
  mayEndSilently: boolean,
): WaitSurroundings {
  return {
    isLoss,
    lostStream: (id) => attached.has(id),
    lostStarts,
    allHeard: async (id) => {
      if (mayEndSilently) await attached.whenOver(id, MAX_HEARING_MS);
    },
  };
}

/** Where it cannot be told whether the engine went away or something on the way to it. */
function isLostOrCut(error: unknown): boolean {
  return isLostError(error) || error instanceof CutShortError;
}

/** The docker CLI takes a command that is still running for one that has ended well. */
async function inspectExec(
  exchange: Exchange,
  response: ResponseMessage,
  execs: LostStreams,
): Promise<ResponseMessage> {
  const id = exchange.route?.params["id"] ?? "";
  const end = execs.endOf(id);
  if (response.head.status !== 200 || (end === undefined && !execs.has(id))) return response;
  const bytes = await collect(response.body, MAX_ANSWER_BYTES);
  const state = parseJson(bytes);
  const isOver = !isObject(state) || state["Running"] !== true;
  if (isOver && !(end === "cut" && isObject(state) && state["ExitCode"] === 0)) {
    return withResponseBody(response, bytes);
  }
  throw new ReplyError(502, isOver ? CUT_OUTPUT : STILL_RUNNING);
}
