/**
 * Published ports that a create request asks for and cannot have now, because there is nothing but the
 * engine at the other end. The request then stays as it is, and the reply's `Warnings`, which every
 * client shows, say so. It is found out anew for each request.
 */
import type { Exchange, Interceptor } from "../../docker/exchange.ts";
import { field, objectField } from "../../docker/fields.ts";
import type { Obstacle } from "../../forward/udp/tunnel.ts";
import { encodeEdited, isObject, type JsonObject, parseJson } from "../../docker/json_body.ts";
import { takeJson } from "../../docker/request_body.ts";
import { collect, type ResponseMessage, withResponseBody } from "../../http/message.ts";
import { MAX_CREATE_BYTES } from "./create.ts";

/** Bytes of the answer: an id and warnings. */
const MAX_CREATED_BYTES = 1024 * 1024;

const WARNING = "Published ports cannot be reached from here";

/** `publish`, the interceptor of published ports, where they can be brought here. */
export function portsUnless(obstacle: Obstacle, publish: Interceptor): Interceptor {
  return async (exchange, next) => {
    if (exchange.route?.name !== "ContainerCreate") return await publish(exchange, next);
    const why = await obstacle(exchange.signal);
    if (why === undefined) return await publish(exchange, next);
    const body = await takeJson(exchange, MAX_CREATE_BYTES);
    const isConcerned = isObject(body) && publishesPorts(body);
    const response = await next();
    if (!isConcerned || response.head.status !== 201) return response;
    return await withWarning(response, `${WARNING}: ${why}`, exchange);
  };
}

function publishesPorts(body: JsonObject): boolean {
  const host = objectField(body, "HostConfig") ?? {};
  const bindings = objectField(host, "PortBindings") ?? {};
  return field(host, "PublishAllPorts") === true || Object.keys(bindings).length > 0;
}

/** The answer to a create request with one more of its `Warnings`, which the log gets as well. */
export async function withWarning(
  response: ResponseMessage,
  warning: string,
  { log }: Exchange,
): Promise<ResponseMessage> {
  log.warn(warning);
  const bytes = await collect(response.body, MAX_CREATED_BYTES);
  const reply = parseJson(bytes);
  if (!isObject(reply)) return withResponseBody(response, bytes);
  const said = Array.isArray(reply["Warnings"]) ? reply["Warnings"] : [];
  return withResponseBody(
    response,
    encodeEdited({ ...reply, Warnings: [...said, warning] }, bytes),
  );
}
