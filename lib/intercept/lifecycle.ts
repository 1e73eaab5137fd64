/**
 * Published ports around the start of a container.
 *
 * Life cycle:
 * - create: `ports.ts`.
 * - start, restart, request: the local ports are taken before the engine is asked. If one cannot be
 *   had, the engine is not asked; the client gets the engine's own status and text, and a container
 *   made with `--rm` is removed, because the engine does that too and `docker run` waits for it.
 * - start, restart, response: before the client gets its answer, the ports that the engine has bound
 *   are looked up and the local ones lead there. A start that failed gives them back.
 * - stop, kill, die, a restart by policy, rename, remove: told by events, see `container_ports.ts`.
 */
import { ReplyError } from "../docker/error_reply.ts";
import type { Exchange, Interceptor } from "../docker/exchange.ts";
import { describeError } from "../errors.ts";
import { BindError } from "../forward/manager.ts";
import type { ResponseMessage } from "../http/message.ts";
import type { ContainerPorts, CreatedContainer } from "./container_ports.ts";

const STARTS = new Set(["ContainerStart", "ContainerRestart"]);

/** The interceptor of starts and restarts; see the file comment. */
export function portLifecycle(ports: ContainerPorts): Interceptor {
  return async (exchange, next) => {
    const { route, signal } = exchange;
    const target = route?.params["id"];
    if (route === undefined || target === undefined || !STARTS.has(route.name)) return await next();
    const container = await ports.find(target, signal);
    if (container === undefined || container.bindings.length === 0) return await next();
    await reserve(ports, container, exchange);
    return await start(ports, container.id, exchange, next);
  };
}

async function reserve(
  ports: ContainerPorts,
  container: CreatedContainer,
  { log }: Exchange,
): Promise<void> {
  try {
    await ports.reserve(container);
  } catch (error) {
    if (!(error instanceof BindError)) throw error;
    const name = await ports.nameOf(container);
    try {
      await ports.removeUnstarted(container.id);
    } catch (failure) {
      log.warn(`Cannot remove a container that did not start: ${describeError(failure)}`);
    }
    const endpoint = `${name} (${container.id})`;
    throw new ReplyError(
      500,
      `driver failed programming external connectivity on endpoint ${endpoint}: ` +
        error.engineText(),
      { cause: error },
    );
  }
}

async function start(
  ports: ContainerPorts,
  id: string,
  { signal, log }: Exchange,
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
    await ports.settle(id, signal);
  } catch (error) {
    // It has started; its ports follow when the engine can be asked again.
    log.warn(`Cannot look up the ports of a container: ${describeError(error)}`);
  }
  return response;
}
