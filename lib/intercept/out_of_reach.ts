/**
 * Published ports where they cannot be brought here: the create request stays as it is, and the reply's
 * `Warnings`, which every client shows, say that the ports are to be found on the remote host only.
 */
import type { Exchange, Interceptor } from "../docker/exchange.ts";
import { field, objectField } from "../docker/fields.ts";
import { encodeJson, isObject, type JsonObject, parseJson } from "../docker/json_body.ts";
import { takeJson } from "../docker/request_body.ts";
import { collect, type ResponseMessage, withResponseBody } from "../http/message.ts";
import { MAX_CREATE_BYTES } from "./ports.ts";

/** Bytes of the answer: an id and warnings. */
const MAX_CREATED_BYTES = 1024 * 1024;

/** The interceptor of `ContainerCreate`; `why` completes a sentence. */
export function warnOfPorts(why: string): Interceptor {
  return async (exchange, next) => {
    if (exchange.route?.name !== "ContainerCreate") return await next();
    const body = await takeJson(exchange, MAX_CREATE_BYTES);
    const publishes = isObject(body) && publishesPorts(body);
    const response = await next();
    if (!publishes || response.head.status !== 201) return response;
    return await withWarning(
      response,
      `Published ports cannot be reached from here: ${why}`,
      exchange,
    );
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
