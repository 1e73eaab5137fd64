/**
 * Ports of the remote host that sshd listens on for us (`ssh -R`, RFC 4254 section 7.1). Where its
 * GatewayPorts is `no`, which is the default, sshd listens on loopback whatever was asked for, and
 * does not say so.
 */
// @ts-types="@types/ssh2"
import type { Client, ClientChannel, TcpConnectionDetails } from "ssh2";
import { AgentError, messageOf } from "../../errors.ts";
import type { Duplex } from "../../net/duplex.ts";
import type { RemoteListener } from "../transport.ts";
import { channelDuplex } from "./channel.ts";
import type { Connection } from "./connection.ts";

/** Asks sshd to listen; each connection is handed to `serve`, which owns it. */
export async function remoteListen(
  connection: Connection,
  client: Client,
  address: { host: string; port: number },
  serve: (stream: Duplex) => void,
): Promise<RemoteListener> {
  const { host } = address;
  const port = await bind(connection, client, address);
  const onConnection = (
    { destIP, destPort }: TcpConnectionDetails,
    accept: () => ClientChannel,
  ) => {
    // Other listeners of this connection see the event too.
    if (destIP === host && destPort === port) serve(channelDuplex(accept(), connection));
  };
  client.on("tcp connection", onConnection);
  return {
    port,
    closed: connection.closed.then(() => {}),
    close() {
      client.off("tcp connection", onConnection);
      if (!connection.isOpen) return Promise.resolve();
      // Refused only if it is gone already, which is what is wanted.
      return new Promise((resolve) => {
        client.unforwardIn(host, port, () => resolve());
        void connection.closed.then(() => resolve());
      });
    },
  };
}

async function bind(
  connection: Connection,
  client: Client,
  { host, port }: { host: string; port: number },
): Promise<number> {
  const lost = connection.closed.then((reason): never => {
    throw reason ?? new AgentError("lost", `Lost the SSH connection to ${connection.peer.name}`);
  });
  const bound = new Promise<number>((resolve, reject) => {
    client.forwardIn(host, port, (error: Error | undefined, real: number) => {
      if (error) reject(error);
      else resolve(real);
    });
  });
  try {
    return await Promise.race([bound, lost]);
  } catch (cause) {
    if (cause instanceof AgentError) throw cause;
    throw new AgentError(
      "engine",
      `Cannot listen on ${host}:${port} of ${connection.peer.name}: ${messageOf(cause)}`,
      { cause, hint: "check that the port is free there, and AllowTcpForwarding in sshd_config" },
    );
  }
}
