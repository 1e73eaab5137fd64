/**
 * Bind mounts that a create request asks for where nothing can be synced here: they are those of the
 * remote host. The request stays as it is, and the reply's `Warnings`, which every client shows, say so.
 */
import type { Interceptor } from "../../docker/exchange.ts";
import { field, objectField } from "../../docker/fields.ts";
import { isObject, type JsonObject } from "../../docker/json_body.ts";
import { takeJson } from "../../docker/request_body.ts";
import { parseBind } from "./parse.ts";
import { withWarning } from "../ports/out_of_reach.ts";
import { MAX_CREATE_BYTES } from "../ports/create.ts";

/** The interceptor; `why` follows a colon. */
export function warnOfBinds(why: string): Interceptor {
  return async (exchange, next) => {
    if (exchange.route?.name !== "ContainerCreate") return await next();
    const body = await takeJson(exchange, MAX_CREATE_BYTES);
    const isConcerned = isObject(body) && bindsPaths(body);
    const response = await next();
    if (!isConcerned || response.head.status !== 201) return response;
    return await withWarning(
      response,
      `Bind mounts are those of the remote host: ${why}`,
      exchange,
    );
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
