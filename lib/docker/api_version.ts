/** Which engine it is, and which version of the Docker Engine API it speaks: what it says differs by that. */
import type { EngineClient } from "./engine_client.ts";
import { isObject } from "./json_body.ts";
import { stringField } from "./fields.ts";

/** The minor number of a version such as `1.51`; 0 if it is none. The major one has always been 1. */
export function apiMinor(version: string | undefined): number {
  return Number(/^1\.(\d+)$/.exec(version ?? "")?.[1] ?? 0);
}

/** What an engine says of itself. */
export interface EngineKind {
  /** The minor number of the newest version that it speaks; 0 if it does not say so. */
  readonly newestMinor: number;
  readonly isPodman: boolean;
}

/** Asks the engine what it is. */
export async function engineKind(
  engine: Pick<EngineClient, "get">,
  signal: AbortSignal,
): Promise<EngineKind> {
  const { body } = await engine.get("/version", { signal });
  if (!isObject(body)) return { newestMinor: 0, isPodman: false };
  const parts = Array.isArray(body["Components"]) ? body["Components"].filter(isObject) : [];
  return {
    newestMinor: apiMinor(stringField(body, "ApiVersion")),
    isPodman: parts.some((part) => stringField(part, "Name") === "Podman Engine"),
  };
}
