/**
 * Bind mounts in the creation of a container.
 *
 * Life cycle:
 * - create, request: the source of every bind mount is looked at (`sources.ts`). A local one gets
 *   a sync session and is replaced by the remote copy; the request as made goes into a label. A body
 *   that cannot be understood, a source that is missing or too large is refused, never passed on.
 * - create, response: the container is remembered, so that its start costs no question.
 * - start, wait, exec, cp, stop: `lifecycle.ts`; events: `container_binds.ts`; inspect, list:
 *   `unrewrite.ts`.
 */
import { ReplyError } from "../../docker/error_reply.ts";
import type { Exchange, Interceptor } from "../../docker/exchange.ts";
import { field, objectField } from "../../docker/fields.ts";
import { isObject, type JsonObject, parseJson } from "../../docker/json_body.ts";
import { replaceJson, takeJson } from "../../docker/request_body.ts";
import { AgentError, describeError } from "../../errors.ts";
import { collect, withResponseBody } from "../../http/message.ts";
import type { BindSync, SyncMode } from "../../sync/types.ts";
import { MAX_CREATE_BYTES, MAX_CREATED_BYTES } from "../container_create.ts";
import { refusedInLocalWords } from "./answers.ts";
import type { ContainerBinds } from "./container_binds.ts";
import { type BindRequest, type BoundMount } from "./label.ts";
import { type AskedBind, findBinds, setBindLabel, volumesFrom } from "./rewrite.ts";
import { type BindSource, resolveSource, type SourcePolicy } from "./sources.ts";

/** What the creation of containers needs of its surroundings. */
export interface BindOptions extends SourcePolicy {
  readonly sync: Pick<BindSync, "prepare">;
  readonly containers: Pick<ContainerBinds, "owner" | "remember" | "inspect">;
  /** How folders are kept in sync unless a rule says otherwise; by default as the mount needs it. */
  readonly mode?: SyncMode;
  /** The engine's socket as its host names it; nothing if it has none. */
  readonly engineSocket: string | undefined;
}

/** One mount of a request and what it becomes. */
interface Planned {
  readonly asked: AskedBind;
  readonly mount: BoundMount;
}

/** The interceptor of `ContainerCreate`; see the file comment. */
export function bindMounts(options: BindOptions): Interceptor {
  return async (exchange, next) => {
    const { route, signal } = exchange;
    if (route?.name !== "ContainerCreate") return await next();
    const body = await takeJson(exchange, MAX_CREATE_BYTES);
    const request = isObject(body) ? await rewrite(body, options, signal) : undefined;
    if (request !== undefined) replaceJson(exchange, body);
    const response = await next();
    if (request === undefined || !isObject(body)) return response;
    if (response.head.status !== 201) return await refusedInLocalWords(response, request.mounts);
    const answer = await collect(response.body, MAX_CREATED_BYTES);
    remember(answer, body, request, exchange, options);
    return withResponseBody(response, answer);
  };
}

/** Edits `body`, all or nothing; the request it made, or nothing if no mount is ours. */
async function rewrite(
  body: JsonObject,
  options: BindOptions,
  signal: AbortSignal,
): Promise<BindRequest | undefined> {
  const sources: [AskedBind, BindSource][] = [];
  for (const asked of findBinds(body)) {
    sources.push([asked, await resolveSource(asked, options, signal)]);
  }
  const planned = await planAll(sources, options, signal);
  const inherited = await inheritedMounts(body, options, signal);
  const mounts = [...planned.map(({ mount }) => mount), ...inherited];
  if (mounts.length === 0) return undefined;
  for (const { asked, mount } of planned) {
    if (mount.isVolume === true) asked.replaceByVolume(mount.remote);
    else asked.replace(mount.remote);
  }
  const request = { owner: options.containers.owner, mounts };
  setBindLabel(body, request);
  return request;
}

/**
 * One after another, outer folders first: a source within another one shares the session that the
 * outer one makes. The docker CLI sends several `-v` in any order.
 */
async function planAll(
  sources: readonly [AskedBind, BindSource][],
  options: BindOptions,
  signal: AbortSignal,
): Promise<Planned[]> {
  const depth = ([, source]: [AskedBind, BindSource]) =>
    source.kind === "sync" ? source.local.split(/[/\\]/).length : 0;
  const mounts = new Map<AskedBind, BoundMount | undefined>();
  for (const [asked, source] of sources.toSorted((a, b) => depth(a) - depth(b))) {
    mounts.set(asked, await plan(asked, source, options, signal));
  }
  return sources.flatMap(([asked]) => {
    const mount = mounts.get(asked);
    return mount === undefined ? [] : [{ asked, mount }];
  });
}

async function plan(
  asked: AskedBind,
  source: BindSource,
  { sync, engineSocket, mode: generalMode }: BindOptions,
  signal: AbortSignal,
): Promise<BoundMount | undefined> {
  const { target, readOnly } = asked;
  if (source.kind === "remote") return undefined;
  if (source.kind === "socket") {
    return engineSocket === undefined || engineSocket === asked.source
      ? undefined
      : { target, source: asked.source, remote: engineSocket };
  }
  const { local, mode = generalMode } = source;
  try {
    const made = { local, readOnly, ...(mode && { mode }) };
    const { session, remotePath: remote, isVolume } = await sync.prepare(made, signal);
    const mount = { target, source: asked.source, remote, session, ...made };
    return isVolume === true ? { ...mount, isVolume } : mount;
  } catch (error) {
    throw refusal(asked, error);
  }
}

/** What a guard refuses is the request's fault; a lost connection is not. */
function refusal({ source }: AskedBind, error: unknown): unknown {
  if (!(error instanceof AgentError) || error instanceof ReplyError || error.kind === "lost") {
    return error;
  }
  const text = `invalid mount config for type "bind": ${source}: ${describeError(error)}`;
  return new ReplyError(400, text, { cause: error });
}

/** Mounts taken over with `--volumes-from`; the engine copies them from the other container. */
async function inheritedMounts(
  body: JsonObject,
  { containers }: BindOptions,
  signal: AbortSignal,
): Promise<BoundMount[]> {
  const mounts: BoundMount[] = [];
  for (const entry of volumesFrom(body)) {
    const name = entry.split(":", 1)[0] ?? "";
    const found = name === "" ? undefined : await containers.inspect(name, signal);
    if (found?.request?.owner === containers.owner) mounts.push(...found.container.mounts);
  }
  return mounts;
}

function remember(
  answer: Uint8Array,
  body: JsonObject,
  request: BindRequest,
  { route }: Exchange,
  { containers }: BindOptions,
): void {
  const reply = parseJson(answer);
  if (!isObject(reply) || typeof reply["Id"] !== "string") return;
  const host = objectField(body, "HostConfig") ?? {};
  containers.remember({
    id: reply["Id"],
    name: route?.query.get("name") ?? "",
    running: false,
    autoRemove: field(host, "AutoRemove") === true,
    mounts: request.mounts,
  });
}
