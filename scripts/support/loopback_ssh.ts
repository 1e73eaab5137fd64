/**
 * An SSH server on loopback that can do what an agent needs of a remote host: run commands and
 * forward to Unix sockets and TCP ports. It stands in for one where no rig can be had. Host key and
 * client key are made for the occasion; nobody but the holder of the client key gets in.
 */
import { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
// @ts-types="@types/ssh2"
import ssh2, { type AuthContext, type Connection, type Session } from "ssh2";
import { makePair } from "../../lib/relay/key_pair.ts";

/** A running server; `close` ends it and every connection. */
export interface LoopbackSsh {
  readonly port: number;
  /** Paths of the files a client needs. */
  readonly key: string;
  readonly knownHosts: string;
  close(): void;
}

/** What `openssh.streamlocal` hands over; the type package does not describe it. */
interface StreamLocalInfo {
  socketPath: string;
}

/** Starts a server on a free port of 127.0.0.1; writes the client's files into `directory`. */
export async function loopbackSsh(user: string, directory: string): Promise<LoopbackSsh> {
  const host = await makePair("ed25519", "demo-host");
  const client = await makePair("ed25519", "demo");
  const connections = new Set<Connection>();
  const server = new ssh2.Server({ hostKeys: [host.private] }, (connection) => {
    connections.add(connection);
    connection.on("close", () => connections.delete(connection));
    connection.on("error", () => connection.end()); // a client that vanished
    serve(connection, user, client.public);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error("The SSH server has no port");
  }
  const { port } = address;
  const key = `${directory}/id_ed25519`;
  const knownHosts = `${directory}/known_hosts`;
  await Deno.writeTextFile(key, client.private, { mode: 0o600 });
  await Deno.writeTextFile(knownHosts, `[127.0.0.1]:${port} ${host.public}\n`);
  return {
    port,
    key,
    knownHosts,
    close() {
      for (const connection of connections) connection.end();
      server.close();
    },
  };
}

function serve(connection: Connection, user: string, publicKey: string): void {
  const allowed = ssh2.utils.parseKey(publicKey);
  if (allowed instanceof Error) throw allowed;
  connection.on("authentication", (context) => {
    if (isAllowed(context, user, allowed)) context.accept();
    else context.reject(["publickey"]);
  });
  connection.on("session", (accept) => serveSession(accept()));
  connection.on("tcpip", (accept, reject, { destIP, destPort }) => {
    relay(connect(destPort, destIP), accept, reject);
  });
  const open = (accept: () => ssh2.ServerChannel, reject: () => void, info: StreamLocalInfo) =>
    relay(connect(info.socketPath), accept, reject);
  connection.on("openssh.streamlocal" as "tcpip", open as never);
}

function isAllowed(context: AuthContext, user: string, key: ssh2.ParsedKey): boolean {
  if (context.method !== "publickey" || context.username !== user) return false;
  if (!context.key.data.equals(Buffer.from(key.getPublicSSH()))) return false;
  if (context.signature === undefined || context.blob === undefined) return true; // a mere question
  return key.verify(context.blob, context.signature, context.hashAlgo) === true;
}

function relay(socket: Socket, accept: () => ssh2.ServerChannel, reject: () => void): void {
  socket.once("error", reject);
  socket.once("connect", () => {
    socket.off("error", reject);
    const channel = accept();
    socket.on("error", () => channel.destroy());
    channel.on("error", () => socket.destroy());
    channel.on("close", () => socket.destroy());
    socket.pipe(channel).pipe(socket);
  });
}

function serveSession(session: Session): void {
  session.on("exec", (accept, _reject, { command }) => {
    const channel = accept();
    const child: ChildProcess = spawn("/bin/sh", ["-c", command]);
    if (child.stdin !== null) channel.pipe(child.stdin);
    child.stdout?.pipe(channel, { end: false });
    child.stderr?.pipe(channel.stderr, { end: false });
    child.on("close", (code) => {
      channel.exit(code ?? 255);
      channel.end();
    });
    channel.on("close", () => child.kill());
  });
}
