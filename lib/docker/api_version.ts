/** Which version of the Docker Engine API an engine speaks: what it says and does differs by that. */
import type { EngineClient } from "./engine_client.ts";
import { isObject } from "./json_body.ts";
import { stringField } from "./fields.ts";

/** The minor number of a version such as `1.51`; 0 if it is none. The major one has always been 1. */
export function apiMinor(version: string | undefined): number {
  return Number(/^1\.(\d+)$/.exec(version ?? "")?.[1] ?? 0);
}

/** The minor number of the newest version that the engine speaks; 0 if it does not say so. */
export async function newestApiMinor(
  engine: Pick<EngineClient, "get">,
  signal: AbortSignal,
): Promise<number> {
  const { body } = await engine.get("/version", { signal });
  return isObject(body) ? apiMinor(stringField(body, "ApiVersion")) : 0;
}
