/**
 * The label that a container carries on the remote host so that its published ports are known
 * again, whichever agent sees it next: whose it is, and what was asked for. Users never see it.
 */
import {
  parseHostPort,
  parsePortBindings,
  parsePortKey,
  type RequestedBinding,
} from "../../forward/binding.ts";
import {
  encodeJson,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
} from "../../docker/json_body.ts";

/** The name of the label. */
export const PORTS_LABEL = "remote-docker-agent.ports";

/** How a container's ports are published: see `--publish-mode`. */
export type PortMode = "virtual" | "same";

/** What a container was asked to publish. */
export interface PortRequest {
  /** The agent's user; see `ownerId`. */
  readonly owner: string;
  /** `host`: it is on the host's own network, and its ports are found when they listen. */
  readonly mode: PortMode | "host";
  /** `HostConfig.PortBindings` as it was made. */
  readonly asked: Json;
  /** `HostConfig.PublishAllPorts` as it was made. */
  readonly publishAll: boolean;
  /** Ports published because of it, beside those that were asked for, such as `80/tcp`. */
  readonly exposed: readonly string[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The value of the label. */
export function encodeLabel(request: PortRequest): string {
  const { owner, mode, asked, publishAll, exposed } = request;
  return decoder.decode(encodeJson({ owner, mode, asked, publishAll, exposed: [...exposed] }));
}

/** Reads the label; nothing for one that no agent wrote. */
export function decodeLabel(text: string | undefined): PortRequest | undefined {
  if (text === undefined || text === "") return undefined;
  try {
    const value = parseJson(encoder.encode(text));
    return isObject(value) ? requestOf(value) : undefined;
  } catch {
    // Not JSON, or ports that nobody can publish: written by somebody else.
    return undefined;
  }
}

function requestOf(value: JsonObject): PortRequest | undefined {
  const { owner, mode, asked = null, publishAll, exposed } = value;
  if (typeof owner !== "string" || !isMode(mode)) return undefined;
  const keys = Array.isArray(exposed) ? exposed.filter((key) => typeof key === "string") : [];
  const request: PortRequest = {
    owner,
    mode,
    asked,
    publishAll: publishAll === true,
    exposed: keys,
  };
  bindingsOf(request);
  return request;
}

function isMode(mode: Json | undefined): mode is PortRequest["mode"] {
  return mode === "virtual" || mode === "same" || mode === "host";
}

/** Every binding of a request, in its order, then those of exposed ports. */
export function bindingsOf({ mode, asked, exposed }: PortRequest): RequestedBinding[] {
  // The engine publishes nothing of a container on the host's network.
  if (mode === "host") return [];
  return [
    ...parsePortBindings(asked),
    ...exposed.map((key) => ({ ...parsePortKey(key), hostIp: "", hostPort: "" })),
  ];
}

/**
 * Those of `bindings` whose local port is known before the container starts. Where remote and local
 * port are to be the same, the engine chooses first if the request leaves a choice.
 */
export function reservable(
  { mode }: PortRequest,
  bindings: readonly RequestedBinding[],
): RequestedBinding[] {
  if (mode !== "same") return [...bindings];
  return bindings.filter(({ hostPort }) => {
    const { first, last } = parseHostPort(hostPort);
    return first > 0 && first === last;
  });
}
