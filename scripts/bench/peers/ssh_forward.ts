/** `ssh -L`: one persistent OpenSSH client that forwards a local Unix socket to the engine's. */
import type { Peer, PeerOptions } from "./peer.ts";
import { chooseForwards } from "./forwards.ts";
import { startListening } from "./listening.ts";

/** Starts the client; throws when it does not come up. */
export async function startSshForward(options: PeerOptions): Promise<Peer> {
  const { rig, directory } = options;
  const socket = `${directory}/ssh.sock`;
  const forward = ["-N", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindUnlink=yes"];
  const forwards = chooseForwards();
  const ports = forwards.values.flatMap((value) => ["-L", `127.0.0.1:${value}`]);
  const args = [...forward, "-L", `${socket}:${rig.dockerSocket}`, ...ports, rig.address];
  const command = { id: "ssh-l", command: `${rig.bin}/ssh`, args, socket } as const;
  return { ...await startListening(command, options), forwards: forwards.ports };
}
