/**
 * This machine in the place of a remote host that offers nothing but SFTP: OpenSSH's own sftp-server
 * behind a server of ssh2. A cut breaks the connection at a byte of what it answers.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type Server as NetServer, Socket } from "node:net";
import { once } from "node:events";
// @ts-types="@types/ssh2"
import type { Connection as ServerConnection, SFTPWrapper } from "ssh2";
import { AgentError } from "../../lib/errors.ts";
import type { RemoteFiles } from "../../lib/transport/remote_files.ts";
import type { CommandResult, RemoteProcess, Shell } from "../../lib/transport/transport.ts";
import { SftpFiles } from "../../lib/transport/ssh/sftp.ts";
import { Client, Server, utils } from "../../lib/transport/ssh/ssh2.ts";

const SFTP_SERVER = "/usr/lib/openssh/sftp-server";
const KEY = utils.generateKeyPairSync("ed25519").private;

/** Whether this machine has it. */
export function hasSftpServer(): boolean {
  try {
    return Deno.statSync(SFTP_SERVER).isFile;
  } catch {
    return false;
  }
}

/** See the file comment. Ends with {@link close}. */
export class LocalSftp implements Shell {
  #bytesLeft = Number.POSITIVE_INFINITY;
  #opened: Promise<Link> | undefined;
  #closed: Promise<void> | undefined;

  /** Cuts the connection once so many more bytes have come from the server. */
  cutAfter(bytes: number): void {
    this.#bytesLeft = bytes;
  }

  run(): Promise<CommandResult> {
    throw new Error("Not used by the sync");
  }

  spawn(): Promise<RemoteProcess> {
    return Promise.reject(new AgentError("engine", "Cannot run commands"));
  }

  files = async (): Promise<RemoteFiles> => {
    this.#opened ??= openLink((bytes) => (this.#bytesLeft -= bytes) <= 0);
    return (await this.#opened).files;
  };

  /** Ends the connection and the server, which has done by then all that it will. Idempotent. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    const link = await this.#opened?.catch(() => undefined);
    await link?.close();
  }
}

interface Link {
  readonly files: RemoteFiles;
  close(): Promise<void>;
}

async function openLink(isOver: (bytes: number) => boolean): Promise<Link> {
  const children: Promise<unknown>[] = [];
  const server = new Server({ hostKeys: [KEY], ident: "OpenSSH_9.0" }, (connection) => {
    serve(connection, (child) => children.push(once(child, "close")));
  });
  const listener: NetServer = createServer((socket) => server.injectSocket(socket));
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("No port");
  const socket = new Socket();
  socket.on("data", (data: Uint8Array) => void (isOver(data.length) && socket.destroy()));
  const client = new Client();
  const connection = new Connection();
  const ended = once(socket, "close").then(() => connection.end());
  const close = async () => {
    client.end();
    socket.destroy();
    await ended;
    await Promise.all(children);
    listener.close();
    await once(listener, "close");
  };
  try {
    const sftp = await login(client, socket, address.port);
    return { files: new SftpFiles(connection, sftp), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What {@link SftpFiles} wants to know of the connection it is on. */
class Connection {
  lost: AgentError | undefined;
  readonly #listeners = new Set<() => void>();

  get isOpen(): boolean {
    return this.lost === undefined;
  }

  onLost(listen: () => void): () => void {
    this.#listeners.add(listen);
    return () => void this.#listeners.delete(listen);
  }

  end(): void {
    this.lost = new AgentError("lost", "Cut by the test");
    for (const listen of this.#listeners) listen();
  }
}

async function login(client: Client, socket: Socket, port: number): Promise<SFTPWrapper> {
  const { promise, resolve, reject } = Promise.withResolvers<SFTPWrapper>();
  const lost = () => reject(new AgentError("lost", "Cut by the test"));
  client.on("error", lost);
  client.on("close", lost);
  client.on("ready", () => {
    client.sftp((error, sftp) => error ? lost() : resolve(sftp));
  });
  client.connect({ sock: socket, username: "test", password: "test" });
  socket.connect(port, "127.0.0.1");
  return await promise;
}

function serve(connection: ServerConnection, started: (child: ChildProcess) => void): void {
  connection.on("error", () => {}); // the cut
  connection.on("authentication", (context) => context.accept());
  connection.on("ready", () => {
    connection.on("session", (accept) => {
      accept().on("subsystem", (acceptIt) => {
        const stream = acceptIt();
        const child = spawn(SFTP_SERVER, [], { stdio: ["pipe", "pipe", "ignore"] });
        started(child);
        child.stdin.on("error", () => {}); // it has ended
        stream.on("error", () => {});
        // What it had still to say is read by nobody: its pipe would keep it waiting for ever.
        connection.on("close", () => {
          child.stdin.end();
          child.stdout.destroy();
        });
        stream.pipe(child.stdin);
        child.stdout.pipe(stream);
      });
    });
  });
}
