/**
 * Published ports in the creation of a container.
 *
 * Life cycle:
 * - create, request: every binding moves to loopback and an ephemeral port of the remote host, and
 *   the request as made goes into a label (`rewrite.ts`). A body that cannot be understood is
 *   refused, never passed on as it is. What the image exposes is asked for with `-P` only.
 * - create, response: the id and what it is to publish are remembered, so that the start costs no
 *   question; ports that cannot be forwarded are told in `Warnings`.
 * - start, restart: `lifecycle.ts`; stop, remove: `container_ports.ts`; inspect, list:
 *   `unrewrite.ts`.
 */
import type { EngineClient } from "../../docker/engine_client.ts";
import { ReplyError } from "../../docker/error_reply.ts";
import type { Exchange, Interceptor } from "../../docker/exchange.ts";
import { objectField, stringField } from "../../docker/fields.ts";
import { isObject, type JsonObject, parseJson } from "../../docker/json_body.ts";
import { replaceJson, takeJson } from "../../docker/request_body.ts";
import type { RequestedBinding } from "../../forward/binding.ts";
import { collect, type ResponseMessage, withResponseBody } from "../../http/message.ts";
import { MAX_CREATE_BYTES, MAX_CREATED_BYTES, withWarnings } from "../container_create.ts";
import type { ContainerPorts } from "./container_ports.ts";
import { needsImagePorts, type PortPlan, type PortPolicy, rewritePorts } from "./rewrite.ts";
import { reservable } from "./label.ts";

/** What the creation of containers needs of its surroundings. */
export interface PublishOptions {
  readonly ports: Pick<ContainerPorts, "remember">;
  readonly engine: Pick<EngineClient, "get">;
  readonly policy: PortPolicy;
  /** What the user should know about what was asked for, a line each. */
  warnings(bindings: readonly RequestedBinding[]): Promise<string[]>;
}

/** The interceptor of `ContainerCreate`; see the file comment. */
export function publishPorts(options: PublishOptions): Interceptor {
  return async (exchange, next) => {
    if (exchange.route?.name !== "ContainerCreate") return await next();
    const body = await takeJson(exchange, MAX_CREATE_BYTES);
    const plan = isObject(body) ? await rewrite(body, exchange, options) : undefined;
    if (plan !== undefined) replaceJson(exchange, body);
    const response = await next();
    if (response.head.status !== 201 || !isObject(body)) return response;
    return await created(response, body, plan, exchange, options);
  };
}

async function rewrite(
  body: JsonObject,
  { signal, log }: Exchange,
  { engine, policy }: PublishOptions,
): Promise<PortPlan | undefined> {
  const image = needsImagePorts(body) ? await imagePorts(engine, body, signal) : [];
  const plan = rewritePorts(body, image, policy);
  if (plan !== undefined) log.debug("Published ports", { count: plan.bindings.length });
  return plan;
}

/**
 * An image that the engine does not have, or whose name is none, exposes nothing: the engine will say
 * so, and the CLI pull.
 */
async function imagePorts(
  engine: PublishOptions["engine"],
  body: JsonObject,
  signal: AbortSignal,
): Promise<string[]> {
  const name = stringField(body, "Image");
  if (name === "") return [];
  const path = name.split("/").map(encodeURIComponent).join("/");
  const answer = await engine.get(`/images/${path}/json`, { signal });
  if (answer.status === 404 || answer.status === 400) return [];
  if (answer.status !== 200 || !isObject(answer.body)) {
    throw new ReplyError(502, `Cannot find out which ports image ${name} exposes`);
  }
  const config = objectField(answer.body, "Config") ?? {};
  return Object.keys(objectField(config, "ExposedPorts") ?? {});
}

async function created(
  response: ResponseMessage,
  body: JsonObject,
  plan: PortPlan | undefined,
  { route, log }: Exchange,
  options: PublishOptions,
): Promise<ResponseMessage> {
  const bytes = await collect(response.body, MAX_CREATED_BYTES);
  const reply = parseJson(bytes);
  if (!isObject(reply) || typeof reply["Id"] !== "string") return withResponseBody(response, bytes);
  const { Id: id } = reply;
  options.ports.remember({
    id,
    name: route?.query.get("name") ?? "",
    image: stringField(body, "Image"),
    labels: textLabels(objectField(body, "Labels") ?? {}),
    bindings: plan === undefined ? [] : reservable(plan.request, plan.bindings),
    onHost: plan?.request.mode === "host",
  });
  const warnings = plan === undefined ? [] : await options.warnings(plan.bindings);
  for (const warning of warnings) log.warn(warning, { container: id.slice(0, 12) });
  return withResponseBody(response, withWarnings(bytes, reply, warnings));
}

function textLabels(labels: JsonObject): Record<string, string> {
  const entries = Object.entries(labels);
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
