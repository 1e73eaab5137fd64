/**
 * Before API 1.24 a start could bring its own `HostConfig`, and with it ports that the creation did
 * not have. Nothing has taken local ports for those, so such a start is refused.
 *
 * Life cycle:
 * - start, request: looked into below API 1.24 only; later versions refuse a body themselves.
 */
import { ReplyError } from "../docker/error_reply.ts";
import type { Exchange } from "../docker/exchange.ts";
import { field } from "../docker/fields.ts";
import { isObject, parseJson } from "../docker/json_body.ts";
import { takeBody } from "../docker/request_body.ts";
import { messageOf } from "../errors.ts";

/** Bytes of a `HostConfig`. */
const MAX_HOST_CONFIG_BYTES = 1024 * 1024;
const FIRST_WITHOUT = [1, 24] as const;

/** Throws {@link ReplyError} 400 for a start that publishes ports. */
export async function refuseLegacyPorts(exchange: Exchange): Promise<void> {
  const [major = 0, minor = 0] = exchange.route?.version?.split(".").map(Number) ?? FIRST_WITHOUT;
  const { request } = exchange;
  const legacy = major === FIRST_WITHOUT[0] && minor < FIRST_WITHOUT[1];
  if (!legacy || request.framing.kind === "none") return;
  const bytes = await takeBody(exchange, MAX_HOST_CONFIG_BYTES);
  if (bytes.length > 0 && publishes(bytes)) {
    throw new ReplyError(
      400,
      "Ports can be published when a container is created, not at its start",
    );
  }
}

function publishes(bytes: Uint8Array): boolean {
  try {
    const body = parseJson(bytes);
    if (!isObject(body)) return false;
    const ports = field(body, "PortBindings");
    const some = isObject(ports) ? Object.keys(ports).length > 0 : (ports ?? null) !== null;
    return some || field(body, "PublishAllPorts") === true;
  } catch (cause) {
    if (cause instanceof ReplyError) throw cause;
    throw new ReplyError(400, messageOf(cause), { cause });
  }
}
