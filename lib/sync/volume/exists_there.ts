/**
 * Whether the remote host has a path, where nothing but the engine can be asked: it refuses to create a
 * container that mounts a path which is not there. One that it creates is removed at once.
 */
import type { EngineCalls } from "../../docker/engine_calls.ts";
import { isObject } from "../../docker/json_body.ts";
import { anyImage } from "./helper_image.ts";
import { COMMAND } from "./volume.ts";
import { HELPER_LABEL } from "./volume_names.ts";

/** Where an engine has no image to ask with, the answer is no. Throws `AgentError` of kind `lost`. */
export async function existsThere(
  engine: EngineCalls,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  const Image = await anyImage(engine, signal);
  if (Image === undefined) return false;
  const mount = { Type: "bind", Source: path, Target: "/asked", ReadOnly: true };
  const json = {
    Image,
    Cmd: COMMAND,
    Labels: { [HELPER_LABEL]: "path" },
    NetworkDisabled: true,
    HostConfig: { Mounts: [mount], NetworkMode: "none" },
  };
  const call = { method: "POST", path: "/containers/create", json, signal } as const;
  const { value } = await engine.json(call);
  const id = isObject(value) ? value["Id"] : undefined;
  if (typeof id !== "string") return false;
  await engine.json({ method: "DELETE", path: `/containers/${id}?v=1&force=1` });
  return true;
}
