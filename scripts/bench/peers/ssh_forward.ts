/** `ssh -L`: one persistent OpenSSH client that forwards a local Unix socket to the engine's. */
import type { Peer, PeerOptions } from "./peer.ts";
import { startListening } from "./listening.ts";

/** Starts the client; throws when it does not come up. */
export function startSshForward(options: PeerOptions): Promise<Peer> {
  const { rig, directory } = options;
  const socket = `${directory}/ssh.sock`;
  const forward = ["-N", "-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindUnlink=yes"];
  const args = [...forward, "-L", `${socket}:${rig.env.RHOST_DOCKER_SOCK}`, rig.env.RHOST_ADDR];
  return startListening(
    { id: "ssh-l", command: `${rig.env.RHOST_BIN}/ssh`, args, socket },
    options,
  );
}
