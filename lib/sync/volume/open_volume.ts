/** The remote root of a session whose copy is a volume of the engine. */
import { statOrNothing } from "../local/tree.ts";
import type { RemoteRoot } from "../remote/root.ts";
import type { SessionRecord } from "../state.ts";
import { LinkRate } from "../transfer/link_rate.ts";
import type { EngineShell } from "./engine_shell.ts";
import { ownerIn } from "./send_to_volume.ts";
import { Volume } from "./volume.ts";

function rootHeaderOf(root: string, isOpen: boolean) {
  const info = statOrNothing(root);
  return info && { ...ownerIn(info), mode: isOpen ? 0o777 : (info.mode ?? 0o755) & 0o777 };
}

/** Makes the volume unless it is there. Throws `AgentError`. */
export async function openVolumeRoot(
  { engine, owner }: EngineShell,
  { id, root, remotePath, staging }: SessionRecord,
  signal: AbortSignal,
): Promise<RemoteRoot> {
  // On Unix files keep their owners; elsewhere anybody in a container may write them.
  const isOpen = Deno.build.os !== "linux";
  const rootHeader = () => rootHeaderOf(root, isOpen);
  const volume = new Volume(engine, remotePath, { owner, session: id, rootHeader });
  const mountpoint = await volume.make(signal);
  return {
    path: remotePath,
    staging,
    facts: {
      isRoot: true,
      home: "/",
      rsync: false,
      gzip: false,
      isByEngine: true,
    },
    isOpen,
    link: new LinkRate(),
    volume,
    mountpoint,
  };
}
