/**
 * Containers outlive sync sessions: a copy may have been pruned while its container was stopped, or the
 * state of this machine may be gone. What the label says is enough to make the session again.
 */
import { AgentError } from "../../errors.ts";
import type { BindSync } from "../../sync/types.ts";
import type { BoundContainer } from "./bound_container.ts";
import type { BoundMount } from "./label.ts";

/** Makes the sessions of a container again that are not there. Throws `AgentError`. */
export async function reviveSessions(
  sync: Pick<BindSync, "prepare" | "knows">,
  { mounts }: BoundContainer,
  signal?: AbortSignal,
): Promise<void> {
  for (const mount of mounts) {
    if (mount.session === undefined || sync.knows(mount.session)) continue;
    await revive(sync, mount, signal);
  }
}

async function revive(
  sync: Pick<BindSync, "prepare">,
  { local, readOnly = false, mode, remote, source, session }: BoundMount,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (local === undefined) return;
  const request = { local, readOnly, ...(mode && { mode }), ...(session && { session }) };
  const { remotePath } = await sync.prepare(request, signal);
  if (remotePath === remote) return;
  throw new AgentError(
    "engine",
    `The copy of "${source}" that this container mounts is not the one of this agent any more`,
    { hint: "create the container again" },
  );
}
