/** Ours again, with `--transport mtls`. */
import type { Peer, PeerOptions } from "./peer.ts";
import { taskArguments } from "./agent.ts";
import { bringUpGateway } from "./gateway.ts";
import { startListening } from "./listening.ts";

/** Starts the agent; throws when it does not come up. */
export async function startMtlsAgent(options: PeerOptions): Promise<Peer> {
  const gateway = await bringUpGateway(options.rig);
  const socket = `${options.directory}/mtls.sock`;
  const mtls = {
    "--transport": "mtls",
    "--mtls-endpoint": gateway.address,
    "--mtls-sni": gateway.name,
    "--mtls-ca": gateway.ca,
    "--mtls-cert": gateway.cert,
    "--mtls-key": gateway.key,
  };
  const listen = ["start", "--listen", `unix://${socket}`];
  const args = [...taskArguments(), ...listen, ...Object.entries(mtls).flat()];
  return await startListening({ id: "mtls", command: Deno.execPath(), args, socket }, options);
}
