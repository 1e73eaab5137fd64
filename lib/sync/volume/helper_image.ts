/** An image that a helper can be made of: one of a container that has the volume, or any. */
import type { EngineCalls } from "../../docker/engine_calls.ts";
import { isObject } from "../../docker/json_body.ts";
import { AgentError } from "../../errors.ts";
import type { Duplex } from "../../net/duplex.ts";
import { TarWriter } from "../transfer/tar_write.ts";

/** An image with nothing in it; no registry is asked for it. */
const EMPTY = { repo: "remote-docker-agent/empty", tag: "1" };

/** An image that the engine has, if need be an empty one made for this. Throws `AgentError`. */
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
  const path = `/images/create?${new URLSearchParams({ fromSrc: "-", ...EMPTY })}`;
  const send = (to: Pick<Duplex, "write">) => new TarWriter(to).end();
  const call = { method: "POST", path, send, signal } as const;
  const { status, message } = await engine.call(call, () => Promise.resolve(null));
  if (status === 200) return `${EMPTY.repo}:${EMPTY.tag}`;
  throw new AgentError("engine", `Cannot sync files: the engine has no image: ${message}`, {
    hint: "pull any image",
  });
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
