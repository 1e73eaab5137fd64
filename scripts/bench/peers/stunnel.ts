/** `stunnel`: a TLS client with a certificate in front of the same gateway, and nothing else. */
import { runOk } from "../../../tests/support/child.ts";
import type { Peer, PeerOptions } from "./peer.ts";
import { bringUpGateway } from "./gateway.ts";
import { startListening } from "./listening.ts";

const RIG = new URL("../../../tests/rig/rhost", import.meta.url).pathname;
const INSTALL = { timeoutMs: 300_000 };

/** Starts stunnel; throws when it does not come up. */
export async function startStunnel(options: PeerOptions): Promise<Peer> {
  const { rig, directory } = options;
  await runOk(RIG, ["-n", rig.name, "pkg", "stunnel4"], INSTALL);
  const gateway = await bringUpGateway(rig);
  const socket = `${directory}/stunnel.sock`;
  const file = `${directory}/stunnel.conf`;
  const lines = [
    "foreground = yes",
    "pid =",
    "[docker]",
    "client = yes",
    `accept = ${socket}`,
    `connect = ${gateway.address}`,
    `sni = ${gateway.name}`,
    `checkHost = ${gateway.name}`,
    "verifyChain = yes",
    `CAfile = ${gateway.ca}`,
    `cert = ${gateway.cert}`,
    `key = ${gateway.key}`,
    "socket = l:TCP_NODELAY=1",
    "socket = r:TCP_NODELAY=1",
  ];
  await Deno.writeTextFile(file, `${lines.join("\n")}\n`);
  return await startListening(
    { id: "stunnel", command: "stunnel4", args: [file], socket },
    options,
  );
}
