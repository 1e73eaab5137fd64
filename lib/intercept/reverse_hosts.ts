/**
 * Names under which containers reach this machine: on create, each one is added to
 * `HostConfig.ExtraHosts` with the address of Docker's bridge, unless the request has it already or
 * the container has no network to reach it by. Nothing else of the request changes.
 */
import type { EngineClient } from "../docker/engine_client.ts";
import type { Interceptor } from "../docker/exchange.ts";
import { field, objectField, setField, stringField } from "../docker/fields.ts";
import { isObject, type JsonObject } from "../docker/json_body.ts";
import { replaceJson, takeJson } from "../docker/request_body.ts";
import { AgentError } from "../errors.ts";
import { MAX_CREATE_BYTES } from "./container_create.ts";

/** Networks that lead nowhere, or whose hosts file is another container's. */
const WITHOUT_HOSTS = /^(none|container:.*)$/;

/** The interceptor of `ContainerCreate`; see the file comment. */
export function reverseHosts(
  names: readonly string[],
  bridgeAddress: (signal: AbortSignal) => Promise<string>,
): Interceptor {
  return async (exchange, next) => {
    if (exchange.route?.name !== "ContainerCreate") return await next();
    const body = await takeJson(exchange, MAX_CREATE_BYTES);
    const edited = isObject(body) && addHosts(body, names, await bridgeAddress(exchange.signal));
    if (edited) replaceJson(exchange, body);
    return await next();
  };
}

/** Whether anything was added. */
export function addHosts(body: JsonObject, names: readonly string[], address: string): boolean {
  const host = objectField(body, "HostConfig") ?? {};
  if (WITHOUT_HOSTS.test(stringField(host, "NetworkMode"))) return false;
  const asked = field(host, "ExtraHosts");
  const present = Array.isArray(asked) ? asked : [];
  const known = new Set(present.map((each) => String(each).split(":", 1)[0]));
  const missing = names.filter((name) => !known.has(name));
  if (missing.length === 0) return false;
  setField(host, "ExtraHosts", [...present, ...missing.map((name) => `${name}:${address}`)]);
  setField(body, "HostConfig", host);
  return true;
}

/** The gateway of the engine's default bridge, as the engine tells it. */
export async function bridgeAddressOf(
  engine: Pick<EngineClient, "get">,
  signal: AbortSignal,
): Promise<string> {
  const { status, body } = await engine.get("/networks/bridge", { signal });
  const ipam = status === 200 && isObject(body) ? objectField(body, "IPAM") : undefined;
  const configs = ipam && field(ipam, "Config");
  const gateways = (Array.isArray(configs) ? configs : []).filter(isObject)
    .map((config) => stringField(config, "Gateway"));
  const gateway = gateways.find((each) => /^\d+(\.\d+){3}$/.test(each));
  if (gateway !== undefined) return gateway;
  throw new AgentError("engine", "The engine has no default bridge with an IPv4 gateway");
}
