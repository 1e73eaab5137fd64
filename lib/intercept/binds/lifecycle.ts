/**
 * Bind mounts while containers live.
 *
 * Life cycle:
 * - attach, response: whoever attaches before the start is noted, as for ports (`attached.ts`).
 * - start, request: one that brings mounts of its own (before API 1.24) is refused.
 * - start, restart, request: sent on only when the sync sessions are flushed. If that fails, the engine
 *   is not asked, the client gets the reason with status 500, and a container made with `--rm` is
 *   removed, as the engine does; so it is when the client has gone meanwhile.
 * - wait, response: the head goes on at once; the status of the container only when its writes are
 *   here.
 * - stop, kill, remove, response: held until the writes are here, but not for long: the user wants the
 *   container gone. The rest follows.
 * - exec, start: what the user has saved is there; exec, inspect: once the command has ended, its
 *   writes are here. The docker CLI asks for the exit code after the last byte of output, so its
 *   return means that.
 * - cp: into a container, the files are here afterwards; out of one, what was saved is there before.
 *
 * Only a start fails for a failed sync. The rest has happened already or helps to find out what is
 * wrong: there the log tells, and the changes follow.
 */
import { ReplyError } from "../../docker/error_reply.ts";
import type { Exchange, Interceptor } from "../../docker/exchange.ts";
import { isObject, type JsonObject, parseJson } from "../../docker/json_body.ts";
import type { RouteName } from "../../docker/route.ts";
import { describeError } from "../../errors.ts";
import { collect, type ResponseMessage, withResponseBody } from "../../http/message.ts";
import { AttachedClients } from "../attached.ts";
import { heldBody, refusedInLocalWords } from "./answers.ts";
import type { BindBarrier } from "./barrier.ts";
import type { BoundContainer } from "./bound_container.ts";
import type { ContainerBinds } from "./container_binds.ts";
import { refuseLegacyBinds } from "../legacy_start.ts";

/** What the life of containers needs of its surroundings. */
export interface BindLifecycleOptions {
  readonly containers: ContainerBinds;
  readonly barrier: BindBarrier;
}

/** Bytes of an answer about an exec. */
const MAX_EXEC_BYTES = 1024 * 1024;
/** Commands that run or have run in containers; of more, the oldest end without a sync. */
const MAX_EXECS = 4096;

type Next = () => Promise<ResponseMessage>;
type Handler = (exchange: Exchange, next: Next, target: string) => Promise<ResponseMessage>;

/** The interceptor; see the file comment. */
export function bindLifecycle(options: BindLifecycleOptions): Interceptor {
  const life = new BindLife(options);
  const handlers: Partial<Record<RouteName, Handler>> = {
    ContainerAttach: life.attach,
    ContainerStart: life.start,
    ContainerRestart: life.start,
    ContainerWait: life.wait,
    ContainerStop: life.partAfter,
    ContainerKill: life.partAfter,
    ContainerDelete: life.partAfter,
    PutContainerArchive: life.flushAfter,
    ContainerArchive: life.flushBefore,
    ContainerArchiveInfo: life.flushBefore,
    ContainerExec: life.execCreate,
    ExecStart: life.execStart,
    ExecInspect: life.execInspect,
  };
  return async (exchange, next) => {
    const { route } = exchange;
    const handler = route && handlers[route.name];
    return handler === undefined
      ? await next()
      : await handler(exchange, next, route?.params["id"] ?? "");
  };
}

/** The handlers share who is attached and which commands run where. */
class BindLife {
  readonly #containers: ContainerBinds;
  readonly #barrier: BindBarrier;
  readonly #attached = new AttachedClients();
  /** Containers by the id of a command in them. */
  readonly #execs = new Map<string, string>();

  constructor({ containers, barrier }: BindLifecycleOptions) {
    this.#containers = containers;
    this.#barrier = barrier;
  }

  readonly attach: Handler = async (exchange, next, target) => {
    if (!this.#containers.isUnstarted(target)) return await next();
    return this.#attached.note(target, exchange, await next());
  };

  readonly start: Handler = async (exchange, next, target) => {
    await refuseLegacyBinds(exchange);
    const container = await this.#containers.find(target, exchange.signal);
    if (container === undefined) return await next();
    const hangUp = this.#attached.take(container.id);
    try {
      // In this order: a session that nobody uses yet is guarded more strictly.
      await this.#containers.revive(container, exchange.signal);
      await this.#barrier.flush(container, exchange.signal);
      await this.#containers.starting(container);
    } catch (error) {
      hangUp();
      throw await this.#refusal(container, error, exchange);
    }
    let ok = false;
    try {
      const response = await next();
      ok = response.head.status < 400;
      return ok ? response : await refusedInLocalWords(response, container.mounts);
    } finally {
      this.#containers.started(container, ok);
    }
  };

  readonly wait: Handler = async ({ signal }, next, target) => {
    const container = await this.#containers.find(target, signal);
    const response = await next();
    if (container === undefined || response.head.status !== 200) return response;
    const body = heldBody(
      response.body,
      async () => void await this.#barrier.settle(container, signal),
    );
    return { ...response, body };
  };

  readonly partAfter: Handler = async ({ signal }, next, target) => {
    const container = this.#containers.recall(target);
    const response = await next();
    if (container === undefined || response.head.status >= 300) return response;
    await this.#barrier.part(container, signal);
    return response;
  };

  readonly flushAfter: Handler = async ({ signal }, next, target) => {
    const container = this.#containers.recall(target);
    const response = await next();
    if (container === undefined || response.head.status >= 300) return response;
    await this.#barrier.settle(container, signal);
    return response;
  };

  readonly flushBefore: Handler = async ({ signal }, next, target) => {
    const container = this.#containers.recall(target);
    if (container !== undefined) await this.#barrier.settle(container, signal);
    return await next();
  };

  readonly execCreate: Handler = async (_exchange, next, target) => {
    const container = this.#containers.recall(target);
    const response = await next();
    if (container === undefined || response.head.status !== 201) return response;
    const [body, answer] = await readObject(response);
    if (typeof body?.["Id"] === "string") this.#noteExec(body["Id"], container.id);
    return answer;
  };

  readonly execStart: Handler = async ({ signal }, next, exec) => {
    const container = this.#containerOf(exec);
    if (container !== undefined) await this.#barrier.settle(container, signal);
    return await next();
  };

  readonly execInspect: Handler = async ({ signal }, next, exec) => {
    const container = this.#containerOf(exec);
    const response = await next();
    if (container === undefined || response.head.status !== 200) return response;
    const [body, answer] = await readObject(response);
    if (body?.["Running"] !== false || body["ExitCode"] === null) return answer;
    this.#execs.delete(exec);
    await this.#barrier.settle(container, signal);
    return answer;
  };

  #noteExec(exec: string, container: string): void {
    this.#execs.set(exec, container);
    const [oldest] = this.#execs.keys();
    if (this.#execs.size > MAX_EXECS && oldest !== undefined) this.#execs.delete(oldest);
  }

  #containerOf(exec: string): BoundContainer | undefined {
    const id = this.#execs.get(exec);
    return id === undefined ? undefined : this.#containers.recall(id);
  }

  async #refusal(
    { id }: BoundContainer,
    error: unknown,
    { signal, log }: Exchange,
  ): Promise<unknown> {
    try {
      await this.#containers.removeUnstarted(id);
    } catch (failure) {
      log.warn(`Cannot remove a container that did not start: ${describeError(failure)}`);
    }
    if (signal.aborted) return error;
    const text = `cannot sync the bind mounts of container ${id.slice(0, 12)}`;
    return new ReplyError(500, `${text}: ${describeError(error)}`, { cause: error });
  }
}

/** The body of a small answer, if it is an object, and the answer to be sent on. */
async function readObject(
  response: ResponseMessage,
): Promise<[JsonObject | undefined, ResponseMessage]> {
  const bytes = await collect(response.body, MAX_EXEC_BYTES);
  const body = parseJson(bytes);
  return [isObject(body) ? body : undefined, withResponseBody(response, bytes)];
}
