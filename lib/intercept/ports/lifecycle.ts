/**
 * Published ports around the start of a container.
 *
 * Life cycle:
 * - create: `create.ts`.
 * - attach, response: whoever attaches before the start is noted, because the engine ends such a
 *   connection when a start fails, and cannot know of one that fails here.
 * - start, restart, request: the local ports are taken before the engine is asked. If one cannot be
 *   had, the engine is not asked; the client gets the engine's own status and text, and a container
 *   made with `--rm` is removed, because the engine does that too and `docker run` waits for it.
 * - start, restart, response: before the client gets its answer, the ports that the engine has bound
 *   are looked up and the local ones lead there. A start that failed gives them back.
 * - stop, kill, die, a restart by policy, rename, remove: told by events, see `container_ports.ts`.
 */
import { type EngineKind, engineKind } from "../../docker/api_version.ts";
import type { EngineClient } from "../../docker/engine_client.ts";
import { ReplyError } from "../../docker/error_reply.ts";
import type { Exchange, Interceptor } from "../../docker/exchange.ts";
import { describeError } from "../../errors.ts";
import { BindError } from "../../forward/bind_error.ts";
import type { ResponseMessage } from "../../http/message.ts";
import { AttachedClients } from "../attached.ts";
import type { ContainerPorts } from "./container_ports.ts";
import { refuseLegacyPorts } from "../legacy_start.ts";
import type { StartingContainer } from "./local_ends.ts";

const STARTS = new Set(["ContainerStart", "ContainerRestart"]);
/** The API of dockerd 28, which says more about networks that fail. */
const NEW_WORDS_SINCE = 48;

/** The interceptor of starts and restarts; see the file comment. */
export function portLifecycle(
  ports: ContainerPorts,
  engine: Pick<EngineClient, "get">,
): Interceptor {
  const attached = new AttachedClients();
  return async (exchange, next) => {
    const { route, signal } = exchange;
    const target = route?.params["id"];
    if (route === undefined || target === undefined) return await next();
    if (route.name === "ContainerAttach" && ports.awaitsStart(target)) {
      return attached.note(target, exchange, await next());
    }
    if (!STARTS.has(route.name)) return await next();
    if (route.name === "ContainerStart") await refuseLegacyPorts(exchange);
    const container = await ports.find(target, signal);
    const concern = container !== undefined && (container.bindings.length > 0 || container.onHost);
    if (!concern) return await next();
    const { id } = container;
    const hangUp = attached.take(id);
    try {
      await ports.reserve(container);
    } catch (error) {
      if (!(error instanceof BindError)) throw error;
      hangUp();
      throw await refusal(ports, engine, container, error, exchange);
    }
    return await start(ports, id, exchange, next);
  };
}

/** What the engine would say, after what it would do. */
async function refusal(
  ports: ContainerPorts,
  engine: Pick<EngineClient, "get">,
  container: StartingContainer,
  error: BindError,
  { log, signal }: Exchange,
): Promise<ReplyError> {
  const name = await ports.nameOf(container);
  try {
    await ports.removeUnstarted(container.id);
  } catch (failure) {
    log.warn(`Cannot remove a container that did not start: ${describeError(failure)}`);
  }
  // The message is about something else, in whichever words.
  const kind = await engineKind(engine, signal).catch(() => undefined);
  return new ReplyError(500, inWordsOf(kind, container, name, error), { cause: error });
}

function inWordsOf(
  kind: EngineKind | undefined,
  { id }: StartingContainer,
  name: string,
  error: BindError,
): string {
  if (kind?.isPodman === true) return error.engineText("podman");
  const isNew = (kind?.newestMinor ?? 0) >= NEW_WORDS_SINCE;
  return (isNew ? "failed to set up container networking: " : "") +
    `driver failed programming external connectivity on endpoint ${name} (${id}): ` +
    error.engineText(isNew ? "28" : "27");
}

async function start(
  ports: ContainerPorts,
  id: string,
  { log }: Exchange,
  next: () => Promise<ResponseMessage>,
): Promise<ResponseMessage> {
  let response: ResponseMessage;
  try {
    response = await next();
  } catch (error) {
    // The engine may have started it all the same.
    ports.settleLater(id);
    throw error;
  }
  try {
    await ports.settle(id);
  } catch (error) {
    // It has started; its ports follow when the engine can be asked again.
    log.warn(`Cannot look up the ports of a container: ${describeError(error)}`);
  }
  return response;
}
