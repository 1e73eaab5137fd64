/** Ours: the agent of this working tree, run from source. */
import type { Peer, PeerOptions } from "./peer.ts";
import { startListening } from "./listening.ts";

const MAIN = new URL("../../../main.ts", import.meta.url).pathname;

/** Starts the agent; throws when it does not come up. */
export function startAgent(options: PeerOptions): Promise<Peer> {
  const { rig } = options;
  const socket = `${options.directory}/agent.sock`;
  const ssh = {
    "--ssh-host": `${rig.address}:${rig.port}`,
    "--ssh-user": rig.user,
    "--ssh-key": rig.key,
    "--ssh-known-hosts": rig.knownHosts,
    "--ssh-config": "none",
  };
  const start = ["run", "-A", "--quiet", MAIN, "start", "--listen", `unix://${socket}`];
  const args = [...start, ...Object.entries(ssh).flat()];
  return startListening({ id: "agent", command: Deno.execPath(), args, socket }, options);
}
