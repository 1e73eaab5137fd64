/**
 * The engine's own socket, reached through the remote host's file system: no SSH and no link, so
 * no round trip time either. What nothing can beat.
 */
import { dialUnix } from "../byte_stream.ts";
import type { Peer, PeerOptions } from "./peer.ts";

/** There is nothing to start. */
export function startDirect({ rig, directory }: PeerOptions): Promise<Peer> {
  const peer: Peer = {
    id: "direct",
    env: { DOCKER_HOST: `unix://${rig.directSocket}`, DOCKER_CONFIG: directory },
    dial: () => dialUnix(rig.directSocket),
    stop: () => Promise.resolve(),
  };
  return Promise.resolve(peer);
}
