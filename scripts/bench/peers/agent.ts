/** Ours: the agent of this working tree, run from source. */
import type { Peer, PeerOptions } from "./peer.ts";
import { startListening } from "./listening.ts";

const MAIN = new URL("../../../main.ts", import.meta.url).pathname;

/** Starts the agent; throws when it does not come up. */
export function startAgent(options: PeerOptions): Promise<Peer> {
  const { env } = options.rig;
  const socket = `${options.directory}/agent.sock`;
  const ssh = {
    "--ssh-host": `${env.RHOST_ADDR}:${env.RHOST_PORT}`,
    "--ssh-user": env.RHOST_USER,
    "--ssh-key": env.RHOST_KEY,
    "--ssh-known-hosts": env.RHOST_KNOWN_HOSTS,
    "--ssh-config": "none",
  };
  const start = ["run", "-A", MAIN, "start", "--listen", `unix://${socket}`];
  const args = [...start, ...Object.entries(ssh).flat()];
  return startListening({ id: "agent", command: Deno.execPath(), args, socket }, options);
}
