/**
 * What becomes of the body of `POST /containers/create`: every published port moves to loopback and
 * an ephemeral port of the remote host, and the request as it was made goes into a label. Pure.
 */
import { ReplyError } from "../../docker/error_reply.ts";
import { field, objectField, setField, stringField } from "../../docker/fields.ts";
import { isObject, type Json, type JsonObject } from "../../docker/json_body.ts";
import {
  InvalidBindingError,
  parsePortBindings,
  parsePortKey,
  portKey,
  type RequestedBinding,
} from "../../forward/binding.ts";
import { encodeLabel, type PortMode, type PortRequest, PORTS_LABEL } from "./label.ts";

/** What the ports of one create request come to. */
export interface PortPlan {
  readonly request: PortRequest;
  readonly bindings: readonly RequestedBinding[];
}

/** For whom and how ports are published. */
export interface PortPolicy {
  readonly owner: string;
  readonly mode: PortMode;
}

/** Where published ports are bound on the remote host: the engine chooses the port. */
const LOOPBACK = { HostIp: "127.0.0.1", HostPort: "" } as const;
/** Networks on which the engine publishes nothing, and whose ports are not found here either. */
const UNPUBLISHED_NETWORKS = /^(none|container:.*)$/;

/** Whether the exposed ports of the image decide which ports are published. */
export function needsImagePorts(body: JsonObject): boolean {
  const host = hostConfigOf(body);
  return host !== undefined && field(host, "PublishAllPorts") === true;
}

/**
 * Edits `body` and returns the plan; nothing, and `body` unchanged, when no port is published. A
 * container on the host's network is only labelled.
 * `imagePorts` are keys such as `80/tcp`. Throws {@link ReplyError} 400, in the engine's words where
 * it has some, for a request that cannot be understood.
 */
export function rewritePorts(
  body: JsonObject,
  imagePorts: readonly string[],
  policy: PortPolicy,
): PortPlan | undefined {
  const host = hostConfigOf(body);
  if (host === undefined) return undefined;
  const asked = askedFor(host);
  if (stringField(host, "NetworkMode") === "host") return onHostNetwork(body, policy.owner);
  const publishAll = field(host, "PublishAllPorts") === true;
  const unbound = publishAll
    ? unboundPorts(asked, [...imagePorts, ...Object.keys(objectField(body, "ExposedPorts") ?? {})])
    : new Map<string, string>();
  const exposed = [...unbound.keys()];
  const request = { ...policy, asked, publishAll, exposed };
  const bindings = [...inEngineWords(() => parsePortBindings(asked)), ...exposed.map(anyPort)];
  if (bindings.length === 0) return undefined;
  if (policy.mode === "virtual") moveToLoopback(host, asked, [...unbound.values()]);
  setLabel(body, encodeLabel(request));
  return { request, bindings };
}

/** Nothing is published, but the container is to be known as ours. */
function onHostNetwork(body: JsonObject, owner: string): PortPlan {
  const request = { owner, mode: "host", asked: null, publishAll: false, exposed: [] } as const;
  setLabel(body, encodeLabel(request));
  return { request, bindings: [] };
}

function hostConfigOf(body: JsonObject): JsonObject | undefined {
  const host = objectField(body, "HostConfig");
  if (host === undefined) return undefined;
  return UNPUBLISHED_NETWORKS.test(stringField(host, "NetworkMode")) ? undefined : host;
}

/** `PortBindings` with the names of its members as the engine writes them. */
function askedFor(host: JsonObject): JsonObject {
  const asked: JsonObject = {};
  for (const [key, entries] of Object.entries(objectField(host, "PortBindings") ?? {})) {
    if (entries !== null && !Array.isArray(entries)) {
      throw new ReplyError(400, `invalid JSON: PortBindings of ${key} must be a list`);
    }
    asked[key] = entries && entries.map((entry) => bindingEntry(key, entry));
  }
  return asked;
}

/** Go reads null as an entry without members. */
function bindingEntry(key: string, entry: Json): Json {
  if (entry === null) return bindingEntry(key, {});
  if (!isObject(entry)) {
    throw new ReplyError(400, `invalid JSON: a port binding of ${key} must be an object`);
  }
  return { HostIp: stringField(entry, "HostIp"), HostPort: stringField(entry, "HostPort") };
}

/**
 * The keys that the engine would publish by itself: exposed, and not bound by the request. Each leads
 * to how it was written.
 */
function unboundPorts(asked: JsonObject, exposed: readonly string[]): Map<string, string> {
  const canonical = (key: string) => portKey(inEngineWords(() => parsePortKey(key)));
  const bound = new Set(
    Object.entries(asked).filter(([, entries]) => Array.isArray(entries) && entries.length > 0)
      .map(([key]) => canonical(key)),
  );
  const unbound = new Map<string, string>();
  for (const written of [...Object.keys(asked), ...exposed]) {
    const key = canonical(written);
    if (!bound.has(key)) unbound.set(key, written);
  }
  return unbound;
}

/** The engine finds a binding by the very key under which its port is exposed: `80` is not `80/tcp`. */
function moveToLoopback(host: JsonObject, asked: JsonObject, unbound: readonly string[]): void {
  const moved: JsonObject = {};
  for (const [key, entries] of Object.entries(asked)) {
    moved[key] = Array.isArray(entries) && entries.length > 0 ? [{ ...LOOPBACK }] : entries;
  }
  for (const key of unbound) moved[key] = [{ ...LOOPBACK }];
  setField(host, "PortBindings", moved);
  // What it stood for is among the bindings; left on, it would publish to the network.
  if (field(host, "PublishAllPorts") === true) setField(host, "PublishAllPorts", false);
}

function setLabel(body: JsonObject, value: string): void {
  const labels = objectField(body, "Labels") ?? {};
  labels[PORTS_LABEL] = value;
  setField(body, "Labels", labels);
}

function anyPort(key: string): RequestedBinding {
  return { ...parsePortKey(key), hostIp: "", hostPort: "" };
}

function inEngineWords<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof InvalidBindingError) throw new ReplyError(400, error.message);
    throw error;
  }
}
