/** The way of the agent to the rig, for parts of it that are tested or measured by themselves. */
import { sshConnector } from "../../lib/transport/ssh/connector.ts";
import { Supervisor } from "../../lib/transport/supervisor.ts";
import type { Rig } from "./rig.ts";

/** Not started; whoever asks for it closes it. */
export function rigSupervisor(rig: Rig): Supervisor {
  const connect = sshConnector({
    host: rig.address,
    port: rig.port,
    user: rig.user,
    keyFiles: [rig.key],
    configFile: "none",
    knownHostsFiles: [rig.knownHosts],
    remoteDocker: { kind: "unix", path: rig.dockerSocket },
  }, undefined);
  return new Supervisor({ connect });
}
