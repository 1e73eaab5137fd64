/**
 * Before API 1.24 a start could bring its own `HostConfig`, and with it ports and mounts that the
 * creation did not have. Nothing has taken local ports for those, nor made copies of folders, so such a
 * start is refused.
 *
 * Life cycle:
 * - start, request: looked into below API 1.24 only; later versions refuse a body themselves.
 */
import { ReplyError } from "../docker/error_reply.ts";
import type { Exchange } from "../docker/exchange.ts";
import { field } from "../docker/fields.ts";
import { isObject, type JsonObject, parseJson } from "../docker/json_body.ts";
import { takeBody } from "../docker/request_body.ts";
import { messageOf } from "../errors.ts";
import { findBinds } from "./binds/rewrite.ts";

/** Bytes of a `HostConfig`. */
const MAX_HOST_CONFIG_BYTES = 1024 * 1024;
const FIRST_WITHOUT = [1, 24] as const;

/** Throws {@link ReplyError} 400 for a start that publishes ports. */
export async function refuseLegacyPorts(exchange: Exchange): Promise<void> {
  const host = await legacyHostConfig(exchange);
  if (host === undefined || !publishes(host)) return;
  throw new ReplyError(
    400,
    "Ports can be published when a container is created, not at its start",
  );
}

/** Throws {@link ReplyError} 400 for a start that mounts paths. */
export async function refuseLegacyBinds(exchange: Exchange): Promise<void> {
  const host = await legacyHostConfig(exchange);
  const [first] = host === undefined ? [] : findBinds({ HostConfig: host });
  if (first === undefined) return;
  throw new ReplyError(
    400,
    `Cannot mount ${first.source}: folders can be mounted when a container is created, ` +
      "not at its start",
  );
}

/** What a start brings along. Throws {@link ReplyError} 400 for what is no JSON. */
async function legacyHostConfig(exchange: Exchange): Promise<JsonObject | undefined> {
  const [major = 0, minor = 0] = exchange.route?.version?.split(".").map(Number) ?? FIRST_WITHOUT;
  const legacy = major === FIRST_WITHOUT[0] && minor < FIRST_WITHOUT[1];
  if (!legacy || exchange.request.framing.kind === "none") return undefined;
  const bytes = await takeBody(exchange, MAX_HOST_CONFIG_BYTES);
  if (bytes.length === 0) return undefined;
  try {
    const body = parseJson(bytes);
    return isObject(body) ? body : undefined;
  } catch (cause) {
    if (cause instanceof ReplyError) throw cause;
    throw new ReplyError(400, messageOf(cause), { cause });
  }
}

function publishes(host: JsonObject): boolean {
  const ports = field(host, "PortBindings");
  const some = isObject(ports) ? Object.keys(ports).length > 0 : (ports ?? null) !== null;
  return some || field(host, "PublishAllPorts") === true;
}
