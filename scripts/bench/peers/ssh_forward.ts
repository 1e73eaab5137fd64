/** `ssh -L`: one persistent OpenSSH client that forwards a local Unix socket to the engine's. */
import type { Peer, PeerOptions } from "./peer.ts";
import { startListening } from "./listening.ts";

/** Starts the client; throws when it does not come up. */
export function startSshForward(options: PeerOptions): Promise<Peer> {
  const { rig, directory } = options;
  const socket = `${directory}/ssh.sock`;
  const forward = ["-N", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindUnlink=yes"];
  const args = [...forward, "-L", `${socket}:${rig.dockerSocket}`, rig.address];
  return startListening(
    { id: "ssh-l", command: `${rig.bin}/ssh`, args, socket },
    options,
  );
}
