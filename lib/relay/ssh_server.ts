/**
 * The SSH server of the relay: one TCP port, keys only, and nothing but connections to the sockets on
 * its list. It is made for strangers on the port: what does not sign in within a while is dropped, and
 * when too many have not yet signed in the oldest of them gives way, so that a crowd that says nothing
 * keeps nobody else out. Owns the port and every connection.
 */
import { createServer, type Server as NetServer, type Socket } from "node:net";
import { AgentError, errorCode, messageOf } from "../errors.ts";
import { type Logger, logger } from "../log.ts";
import { formatHostPort } from "../net/address.ts";
import { ciphersHooked, Server as SshListener, utils } from "../transport/ssh/ssh2.ts";
import type { Doors } from "./doors.ts";
import { loadHostKey } from "./host_key.ts";
import { serveSession, type SessionOptions } from "./ssh_session.ts";
import type { KeySource } from "./sign_in.ts";
import type { Pauses } from "./pauses.ts";
import { RelayStats } from "./stats.ts";

/** Clients that have not signed in yet; more than that and the oldest is dropped. */
const MAX_WAITING = 64;
/** SSH connections in all. */
const MAX_CLIENTS = 1024;
/** Only algorithms that OpenSSH 8.8 and later offer by default, as in `transport/ssh/cipher/ciphers.ts`. */
const CHACHA = "chacha20-poly1305@openssh.com";
const AES = [
  "aes128-ctr",
  "aes256-ctr",
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
] as const;
const HMACS = ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"] as const;

/** Clients such as ssh2 ask for a Unix socket only where they read the name of OpenSSH. */
const IDENT = "OpenSSH_9.0 remote-docker-agent";

/** How to serve. Paths are absolute, durations milliseconds. */
export interface SshServerOptions {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Private key of the server; made if it is missing. */
  readonly hostKeyFile: string;
  readonly keys: KeySource;
  readonly doors: Doors;
  readonly maxConnections: number;
  /** Bound on signing in, and on reaching a socket. */
  readonly connectTimeoutMs: number;
  /** When a relayed connection has come to a halt. Default: never. */
  readonly pauses?: Pauses;
  /** The most that is read from a socket at once, in bytes. Default: as much as there is. */
  readonly maxRead?: number;
  readonly log?: Logger;
}

/** A running server; whoever started it closes it. */
export interface SshServer {
  readonly host: string;
  /** The real one. */
  readonly port: number;
  readonly stats: RelayStats;
  /** The public half of the host key, as `known_hosts` has it after the name. */
  readonly hostKey: string;
  /** Stops accepting and ends every connection; settles when the port is free. Idempotent. */
  close(): Promise<void>;
}

/** Starts a server. Throws `AgentError` of kind `config` (host key) or `listen` (port). */
export async function startSshServer(options: SshServerOptions): Promise<SshServer> {
  const log = options.log ?? logger("relay-server");
  const hostKey = await loadHostKey(options.hostKeyFile, log);
  const server = new Server(options, hostKey, log);
  await server.listen();
  return server;
}

class Server implements SshServer {
  readonly stats = new RelayStats();
  readonly host: string;
  readonly hostKey: string;
  readonly #options: SshServerOptions;
  readonly #session: SessionOptions;
  readonly #log: Logger;
  readonly #net: NetServer;
  readonly #ssh: SshListener;
  /** All clients by address and port, those that have not signed in beside it in order of arrival. */
  readonly #clients = new Map<string, Socket>();
  readonly #waiting = new Map<Socket, ReturnType<typeof setTimeout>>();
  #count = 0;
  #closed: Promise<void> | undefined;

  constructor(options: SshServerOptions, hostKey: string, log: Logger) {
    this.#options = options;
    this.host = options.host;
    this.hostKey = publicHalf(hostKey);
    this.#session = { ...options, stats: this.stats };
    this.#log = log;
    this.#ssh = new SshListener({
      hostKeys: [hostKey],
      ident: IDENT,
      algorithms: {
        // The client chooses, and ChaCha20 is the first choice of many; see `transport/ssh/cipher/cipher_hook.ts`.
        cipher: ciphersHooked ? [CHACHA, ...AES] : [...AES],
        hmac: [...HMACS, "hmac-sha2-256"],
        compress: ["none"],
      },
    }, (connection, { ip, port }) => {
      const socket = this.#clients.get(`${ip} ${port}`);
      if (socket === undefined) return connection.end();
      const fields = { client: (++this.#count).toString(36), remote: `${ip}:${port}` };
      serveSession(connection, socket, this.#session, log.with(fields), () => this.#admit(socket));
    });
    this.#net = createServer({ noDelay: true }, (socket) => this.#welcome(socket));
  }

  get port(): number {
    const address = this.#net.address();
    return address !== null && typeof address === "object" ? address.port : this.#options.port;
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#net.once("error", reject);
        this.#net.listen(port, host, () => {
          this.#net.off("error", reject);
          resolve();
        });
      });
    } catch (cause) {
      const where = formatHostPort(host, port);
      throw new AgentError("listen", `Cannot listen on "${where}": ${reasonOf(cause)}`, {
        cause,
        hint: "name another address with --host and --port",
      });
    }
    this.#net.on("error", (error: Error) => {
      this.#log.warn("Failed to accept a client", { error: messageOf(error) });
    });
  }

  #welcome(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (this.#closed !== undefined || remoteAddress === undefined) return void socket.destroy();
    if (this.#clients.size >= MAX_CLIENTS) {
      this.stats.failed("connection", new Error("Too many clients"));
      return void socket.destroy();
    }
    this.#makeRoom();
    const name = `${remoteAddress} ${remotePort}`;
    this.#clients.set(name, socket);
    const timer = setTimeout(() => this.#drop(socket, "late"), this.#options.connectTimeoutMs);
    this.#waiting.set(socket, timer);
    // A reset is followed by "close", which is all that matters here.
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#admit(socket);
      this.#clients.delete(name);
    });
    this.#ssh.injectSocket(socket);
  }

  #makeRoom(): void {
    const oldest = this.#waiting.keys().next().value;
    if (this.#waiting.size >= MAX_WAITING && oldest !== undefined) {
      this.#drop(oldest, "crowded out");
    }
  }

  #drop(socket: Socket, why: string): void {
    this.stats.failed("connection", new Error(`A client did not sign in: ${why}`));
    this.#log.debug("Dropped a client that did not sign in", { why });
    this.#admit(socket);
    socket.destroy();
  }

  /** No longer waits for it to sign in. */
  #admit(socket: Socket): void {
    clearTimeout(this.#waiting.get(socket));
    this.#waiting.delete(socket);
  }

  close(): Promise<void> {
    this.#closed ??= new Promise<void>((resolve) => {
      this.#net.close(() => resolve());
      for (const socket of this.#clients.values()) socket.destroy();
    });
    return this.#closed;
  }
}

function publicHalf(privateKey: string): string {
  const key = utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return `${key.type} ${key.getPublicSSH().toString("base64")}`;
}

function reasonOf(error: unknown): string {
  const code = errorCode(error);
  if (code === "EADDRINUSE") return "the address is in use";
  if (code === "EADDRNOTAVAIL") return "this machine does not have the address";
  if (code === "EACCES") return "permission denied";
  return messageOf(error);
}
