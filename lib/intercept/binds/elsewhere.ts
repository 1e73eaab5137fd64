/**
 * Bind mounts that a create request asks for where nothing can be synced here: they are those of the
 * remote host. The request stays as it is, and the reply's `Warnings`, which every client shows, say so.
 */
import type { Interceptor } from "../../docker/exchange.ts";
import { field, objectField } from "../../docker/fields.ts";
import { isObject, type JsonObject } from "../../docker/json_body.ts";
import { createWithWarning } from "../container_create.ts";
import { parseBind } from "./parse.ts";

/** The interceptor; `why` follows a colon. */
export function warnOfBinds(why: string): Interceptor {
  return async (exchange, next) => {
    if (exchange.route?.name !== "ContainerCreate") return await next();
    const warning = `Bind mounts are those of the remote host: ${why}`;
    return await createWithWarning(exchange, next, { concerns: bindsPaths, warning });
  };
}

function bindsPaths(body: JsonObject): boolean {
  const host = objectField(body, "HostConfig") ?? {};
  const binds = field(host, "Binds");
  const mounts = field(host, "Mounts");
  return Array.isArray(binds) &&
      binds.some((text) => typeof text === "string" && parseBind(text) !== undefined) ||
    Array.isArray(mounts) &&
      mounts.some((mount) => isObject(mount) && field(mount, "Type") === "bind");
}
