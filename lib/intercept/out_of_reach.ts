/**
 * What a create request asks for and cannot have now, because there is nothing but the engine at the
 * other end: published ports, bind mounts. The request then stays as it is, and the reply's `Warnings`,
 * which every client shows, say what became of it. It is found out anew for each request.
 */
import type { Exchange, Interceptor } from "../docker/exchange.ts";
import { field, objectField } from "../docker/fields.ts";
import { encodeJson, isObject, type JsonObject, parseJson } from "../docker/json_body.ts";
import { takeJson } from "../docker/request_body.ts";
import { collect, type ResponseMessage, withResponseBody } from "../http/message.ts";
import { findBinds } from "./bind_rewrite.ts";
import { MAX_CREATE_BYTES } from "./ports.ts";

/** Why there is nothing but the engine; nothing where there is more. */
export type Obstacle = (signal: AbortSignal) => Promise<string | undefined>;

/** Bytes of the answer: an id and warnings. */
const MAX_CREATED_BYTES = 1024 * 1024;

/** `publish`, the interceptor of published ports, where they can be brought here. */
export function portsUnless(obstacle: Obstacle, publish: Interceptor): Interceptor {
  return unless(obstacle, publish, {
    concerns: publishesPorts,
    warning: "Published ports cannot be reached from here",
  });
}

/** `mount`, the interceptor of bind mounts, where folders can be synced. */
export function bindsUnless(obstacle: Obstacle, mount: Interceptor): Interceptor {
  return unless(obstacle, mount, {
    concerns: (body) => findBinds(body).length > 0,
    warning: "Bind mounts are those of the remote host",
  });
}

function unless(
  obstacle: Obstacle,
  usual: Interceptor,
  { concerns, warning }: { concerns: (body: JsonObject) => boolean; warning: string },
): Interceptor {
  return async (exchange, next) => {
    if (exchange.route?.name !== "ContainerCreate") return await usual(exchange, next);
    const why = await obstacle(exchange.signal);
    if (why === undefined) return await usual(exchange, next);
    const body = await takeJson(exchange, MAX_CREATE_BYTES);
    const isConcerned = isObject(body) && concerns(body);
    const response = await next();
    if (!isConcerned || response.head.status !== 201) return response;
    return await withWarning(response, `${warning}: ${why}`, exchange);
  };
}

function publishesPorts(body: JsonObject): boolean {
  const host = objectField(body, "HostConfig") ?? {};
  const bindings = objectField(host, "PortBindings") ?? {};
  return field(host, "PublishAllPorts") === true || Object.keys(bindings).length > 0;
}

async function withWarning(
  response: ResponseMessage,
  warning: string,
  { log }: Exchange,
): Promise<ResponseMessage> {
  log.warn(warning);
  const bytes = await collect(response.body, MAX_CREATED_BYTES);
  const reply = parseJson(bytes);
  if (!isObject(reply)) return withResponseBody(response, bytes);
  const said = Array.isArray(reply["Warnings"]) ? reply["Warnings"] : [];
  return withResponseBody(response, encodeJson({ ...reply, Warnings: [...said, warning] }));
}
