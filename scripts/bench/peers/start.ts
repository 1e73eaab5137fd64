/** How each peer is started. */
import { startAgent } from "./agent.ts";
import { startDirect } from "./direct.ts";
import { startDockerSsh } from "./docker_ssh.ts";
import { startMtlsAgent } from "./mtls.ts";
import type { Peer, PeerId, PeerOptions } from "./peer.ts";
import { startSshForward } from "./ssh_forward.ts";
import { startStunnel } from "./stunnel.ts";

const STARTERS: Record<PeerId, (options: PeerOptions) => Promise<Peer>> = {
  agent: startAgent,
  direct: startDirect,
  "ssh-l": startSshForward,
  "docker-ssh": startDockerSsh,
  mtls: startMtlsAgent,
  stunnel: startStunnel,
};

/** Starts a peer in an own directory below `options.directory`; throws when it does not come up. */
export async function startPeer(id: PeerId, options: PeerOptions): Promise<Peer> {
  const directory = await Deno.makeTempDir({ dir: options.directory, prefix: `${id}-` });
  return await STARTERS[id]({ ...options, directory });
}
