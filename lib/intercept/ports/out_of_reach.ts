/**
 * Published ports that a create request asks for and cannot have now, because there is nothing but the
 * engine at the other end. The request then stays as it is, and the reply's `Warnings`, which every
 * client shows, say so. It is found out anew for each request.
 */
import type { Interceptor } from "../../docker/exchange.ts";
import { field, objectField } from "../../docker/fields.ts";
import type { JsonObject } from "../../docker/json_body.ts";
import type { Obstacle } from "../../forward/udp/tunnel.ts";
import { createWithWarning } from "../container_create.ts";

/** `publish`, the interceptor of published ports, where they can be brought here. */
export function portsUnless(obstacle: Obstacle, publish: Interceptor): Interceptor {
  return async (exchange, next) => {
    if (exchange.route?.name !== "ContainerCreate") return await publish(exchange, next);
    const why = await obstacle(exchange.signal);
    if (why === undefined) return await publish(exchange, next);
    const warning = `Published ports cannot be reached from here: ${why}`;
    return await createWithWarning(exchange, next, { concerns: publishesPorts, warning });
  };
}

function publishesPorts(body: JsonObject): boolean {
  const host = objectField(body, "HostConfig") ?? {};
  const bindings = objectField(host, "PortBindings") ?? {};
  return field(host, "PublishAllPorts") === true || Object.keys(bindings).length > 0;
}
