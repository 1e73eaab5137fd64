/**
 * `docker -H ssh://`: every connection of the CLI is a process of its own, started as the CLI
 * starts it (docker/cli, `cli/connhelper/connhelper.go`), with a new SSH connection each.
 */
import { dialCommand } from "../byte_stream.ts";
import type { Peer, PeerOptions } from "./peer.ts";

/** There is nothing to start; each `dial` starts an ssh. */
export function startDockerSsh({ rig, directory }: PeerOptions): Promise<Peer> {
  const path = `${rig.bin}:${Deno.env.get("PATH") ?? ""}`;
  const login = ["-l", rig.user, "-o", "ConnectTimeout=30", "-T", "--"];
  const remote = [rig.address, "docker", "system", "dial-stdio"];
  const peer: Peer = {
    id: "docker-ssh",
    env: {
      DOCKER_HOST: `ssh://${rig.user}@${rig.address}`,
      DOCKER_CONFIG: directory,
      PATH: path,
    },
    dial: () => Promise.resolve(dialCommand(`${rig.bin}/ssh`, [...login, ...remote], {})),
    stop: () => Promise.resolve(),
  };
  return Promise.resolve(peer);
}
