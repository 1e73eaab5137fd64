/** Questions about one container, and its removal, as ports and bind mounts both need them. */
import type { EngineAnswer, EngineClient } from "../docker/engine_client.ts";
import { isObject, type Json } from "../docker/json_body.ts";
import { unexpectedAnswer } from "../docker/unexpected_answer.ts";

/**
 * What the engine says now of the container that `target` (name, id or the beginning of one) stands for,
 * as `read` makes it out; nothing when there is none. Throws `AgentError`, of kind `lost` where there is
 * no answer.
 */
export async function inspectContainer<T>(
  engine: Pick<EngineClient, "get">,
  target: string,
  read: (body: Json) => T | undefined,
  signal: AbortSignal,
): Promise<T | undefined> {
  const answer = await engine.get(`/containers/${encodeURIComponent(target)}/json`, { signal });
  if (answer.status === 404 || isBeingRemoved(answer)) return undefined;
  const view = read(answer.body);
  if (answer.status === 200 && view !== undefined) return view;
  throw unexpectedAnswer("the inspection of a container", answer);
}

/** Podman answers so about a container whose removal is under way; dockerd has no `cause`. */
function isBeingRemoved({ status, body }: EngineAnswer): boolean {
  return status === 500 && isObject(body) && body["cause"] === "no such container";
}

/**
 * Removes a container that could not be started, as the engine does with `--rm`; one that is to stay, or
 * runs after all, stays.
 */
export async function removeUnstarted(
  engine: Pick<EngineClient, "delete">,
  id: string,
  container: { readonly autoRemove: boolean; readonly running: boolean } | undefined,
): Promise<void> {
  if (container?.autoRemove !== true || container.running) return;
  await engine.delete(`/containers/${id}?v=1&force=1`);
}
