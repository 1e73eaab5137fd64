/** An image that a helper can be made of: one of a container that has the volume, or any other. */
import type { EngineCalls } from "../../docker/engine_calls.ts";
import { isObject } from "../../docker/json_body.ts";
import { AgentError } from "../../errors.ts";

/** The id of an image that the engine has. Throws `AgentError` if it has none. */
export async function helperImage(
  engine: EngineCalls,
  volume: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const filters = JSON.stringify({ volume: [volume] });
  const users = `/containers/json?${new URLSearchParams({ all: "1", filters })}`;
  const found = await first(engine, users, "ImageID", signal) ??
    await anyImage(engine, signal);
  if (found !== undefined) return found;
  throw new AgentError(
    "engine",
    "Cannot sync files: the engine has no image to reach a volume by",
    {
      hint: "Pull any image",
    },
  );
}

/** The id of some image; nothing if the engine has none. */
export async function anyImage(
  engine: EngineCalls,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  return await first(engine, "/images/json", "Id", signal);
}

async function first(
  engine: EngineCalls,
  path: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { value } = await engine.json({ method: "GET", path, signal });
  const ids = (Array.isArray(value) ? value : []).map((item) => isObject(item) ? item[name] : "");
  return ids.filter((id) => typeof id === "string").find((id) => id !== "");
}
