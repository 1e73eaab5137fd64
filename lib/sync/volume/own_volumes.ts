/** The volumes of ours, and whether containers have them. */
import { isObject, type Json } from "../../docker/json_body.ts";
import { objectOf, objectsOf } from "../../docker/lenient.ts";
import type { EngineShell } from "./engine_shell.ts";
import { refused, Volume } from "./volume.ts";
import { HELPER_LABEL, OWNER_LABEL, sessionOfVolume } from "./volume_names.ts";

/** A volume; stopped containers count as well. */
export interface OwnVolume {
  readonly volume: Volume;
  readonly isUsed: boolean;
}

/** Throws `AgentError`. */
export async function ownVolumes(
  { engine, owner }: EngineShell,
  signal: AbortSignal,
): Promise<OwnVolume[]> {
  const ask = async (path: string, filters: Record<string, string[]>) => {
    const query = new URLSearchParams({ all: "1", filters: JSON.stringify(filters) });
    const reply = await engine.json({ method: "GET", path: `${path}?${query}`, signal });
    if (reply.value === undefined) throw refused("list the volumes of", reply);
    return reply.value;
  };
  const listed = await ask("/volumes", { label: [`${OWNER_LABEL}=${owner}`] });
  const volumes: OwnVolume[] = [];
  for (const item of objectsOf(objectOf(listed)["Volumes"])) {
    const name = item["Name"];
    const session = typeof name === "string" ? sessionOfVolume(name) : undefined;
    if (typeof name !== "string" || session === undefined) continue;
    const users = objectsOf(await ask("/containers/json", { volume: [name] }));
    const isUsed = !users.every(isHelper);
    volumes.push({ volume: new Volume(engine, name, { owner, session }), isUsed });
  }
  return volumes;
}

function isHelper({ Labels }: Record<string, Json>): boolean {
  return isObject(Labels) && Labels[HELPER_LABEL] !== undefined;
}
