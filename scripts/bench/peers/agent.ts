/** Ours: the agent of this working tree, run from source as `deno task start` runs it. */
import project from "../../../deno.json" with { type: "json" };
import type { Peer, PeerOptions } from "./peer.ts";
import { chooseForwards } from "./forwards.ts";
import { startListening } from "./listening.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;

/** Starts the agent; throws when it does not come up. */
export async function startAgent(options: PeerOptions): Promise<Peer> {
  const { rig } = options;
  const socket = `${options.directory}/agent.sock`;
  const ssh = {
    "--ssh-host": `${rig.address}:${rig.port}`,
    "--ssh-user": rig.user,
    "--ssh-key": rig.key,
    "--ssh-known-hosts": rig.knownHosts,
    "--ssh-config": "none",
  };
  const listen = ["start", "--listen", `unix://${socket}`];
  const forwards = chooseForwards();
  const forward = forwards.values.flatMap((value) => ["--forward", value]);
  const args = [...taskArguments(), ...listen, ...forward, ...Object.entries(ssh).flat()];
  const command = { id: "agent", command: Deno.execPath(), args, socket } as const;
  return { ...await startListening(command, options), forwards: forwards.ports };
}

/** The arguments of `deno` in the task: not `deno task`, whose child the process would be. */
export function taskArguments(): string[] {
  return project.tasks.start.split(" ").slice(1)
    .map((word) => word === "main.ts" ? `${ROOT}main.ts` : word);
}
