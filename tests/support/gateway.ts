/**
 * A gateway as a child process, with an authority of its own, and a client that writes bytes by hand
 * behind the handshake. Whoever opens a {@link GatewayHouse} disposes of it and of what it started.
 */
import { Buffer } from "node:buffer";
import { connect, type TLSSocket } from "node:tls";
import { initAuthority, issueClient, issueServer } from "../../lib/certs/certs.ts";
import type { IdentityFiles } from "../../lib/net/tls/files.ts";
import { cleanEnvironment, spawnAgent } from "./agent.ts";
import { Child } from "./child.ts";
import { freePort } from "./free_ports.ts";
import { programCommand } from "./program.ts";

const DECODER = new TextDecoder();
const CLIENT_TIMEOUT_MS = 120_000;

/** See the file comment. */
export class GatewayHouse implements AsyncDisposable {
  readonly directory: string;
  readonly port: number = freePort();
  readonly server: IdentityFiles;
  readonly caFile: string;
  readonly configFile: string;
  /** Requests that the engines' stand-in has seen: the path and what follows, of each host. */
  readonly seen: string[] = [];
  readonly #engines: Deno.HttpServer[] = [];
  readonly #children: Child[] = [];

  private constructor(directory: string, server: IdentityFiles) {
    this.directory = directory;
    this.server = server;
    this.caFile = `${directory}/ca.pem`;
    this.configFile = `${directory}/gateway.yaml`;
  }

  /** An authority and a certificate for `localhost` and `*.containers.test`. */
  static async open(): Promise<GatewayHouse> {
    const directory = await Deno.makeTempDir({ prefix: "rda-gateway-" });
    await initAuthority({ directory, force: false });
    const names = ["localhost", "*.containers.test"] as const;
    const server = await issueServer([...names], { directory, force: false });
    return new GatewayHouse(directory, server);
  }

  /** A certificate of the house's authority. */
  client(name: string, days?: number): Promise<IdentityFiles> {
    const options = { directory: this.directory, force: false };
    return issueClient(name, days === undefined ? options : { ...options, days });
  }

  /** A certificate of somebody else's authority with the same name. */
  async stranger(name: string): Promise<IdentityFiles> {
    const directory = `${this.directory}/elsewhere`;
    await initAuthority({ directory, force: true });
    return await issueClient(name, { directory, force: true });
  }

  /** A stand-in for an engine: says OK and notes who asked for what. */
  engine(name: string): string {
    const path = `${this.directory}/${name}.sock`;
    const handler = (request: Request) => {
      this.seen.push(`${name} ${request.method} ${new URL(request.url).pathname}`);
      const fields = [...request.headers].map(([field, value]) => `${field}: ${value}`).join("\n");
      return new Response(`OK from ${name}\n${fields}\n`);
    };
    this.#engines.push(Deno.serve({ path, onListen: () => {} }, handler));
    return path;
  }

  /** Writes the configuration: what every one has, then `rest`. */
  async configure(rest: string): Promise<void> {
    const { certFile, keyFile } = this.server;
    const head = [
      `listen: 127.0.0.1:${this.port}`,
      `cert: ${certFile}`,
      `key: ${keyFile}`,
    ];
    await Deno.writeTextFile(this.configFile, `${head.join("\n")}\n${rest}`);
  }

  /**
   * Starts the gateway, with more `flags`, and waits until it listens; `openFiles` is the limit of the
   * system for it, and `shutdownTimeout` how long it lets what is under way finish.
   */
  async start(
    { openFiles, shutdownTimeout = "2s", flags = [] }: {
      openFiles?: number;
      shutdownTimeout?: string;
      flags?: readonly string[];
    } = {},
  ): Promise<Child> {
    const config = ["--gateway-config", this.configFile];
    const args = ["gateway", ...config, "--shutdown-timeout", shutdownTimeout];
    const command = [...args, ...flags, "--log-format", "json"];
    const vars = { XDG_RUNTIME_DIR: this.directory };
    const child = openFiles === undefined ? spawnAgent(command, vars) : limited(openFiles, command);
    this.#children.push(child);
    await child.waitFor(/Listening on/);
    return child;
  }

  /** A TLS connection; rejects when the handshake fails. */
  async connect(identity: IdentityFiles | undefined, serverName = "a.containers.test") {
    const files = identity === undefined ? {} : {
      cert: await Deno.readTextFile(identity.certFile),
      key: await Deno.readTextFile(identity.keyFile),
    };
    const ca = await Deno.readTextFile(this.caFile);
    const { port } = this;
    const socket = connect({ host: "127.0.0.1", port, servername: serverName, ca, ...files });
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
    });
    return new RawTls(socket);
  }

  /** Sends `text` over a connection of its own; what comes back until the gateway ends it. */
  async ask(identity: IdentityFiles | undefined, text: string, serverName?: string) {
    try {
      const connection = await this.connect(identity, serverName);
      connection.write(text);
      return await connection.rest();
    } catch {
      return ""; // refused during the handshake: nothing was said
    }
  }

  /** `GET path` for the host of the handshake, the connection ended after it. */
  get(identity: IdentityFiles | undefined, path = "/_ping", serverName = "a.containers.test") {
    const head = `GET ${path} HTTP/1.1\r\nHost: ${serverName}\r\nConnection: close\r\n\r\n`;
    return this.ask(identity, head, serverName);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) await child.stop();
    for (const engine of this.#engines) await engine.shutdown();
    await Deno.remove(this.directory, { recursive: true });
  }
}

function limited(openFiles: number, args: readonly string[]): Child {
  const line = [...programCommand(), ...args];
  const script = `ulimit -n ${openFiles}; exec "$@"`;
  return new Child("sh", ["-c", script, "sh", ...line], { env: cleanEnvironment() });
}

/** One connection behind its handshake. */
export class RawTls {
  readonly #socket: TLSSocket;
  readonly #ended: Promise<void>;
  #received = "";

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => this.#received += DECODER.decode(chunk));
    socket.on("error", () => {}); // the gateway is done with us
    this.#ended = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  /** What has come so far. */
  get received(): string {
    return this.#received;
  }

  write(text: string): void {
    this.#socket.write(Buffer.from(text, "latin1"));
  }

  /** Writes and waits until there is room for more; whether the connection is still there. */
  async send(bytes: Uint8Array): Promise<boolean> {
    if (this.#socket.destroyed) return false;
    if (!this.#socket.write(bytes)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#socket.once("drain", resolve).once("close", resolve);
      await promise;
      this.#socket.off("drain", resolve).off("close", resolve);
    }
    return !this.#socket.destroyed;
  }

  /** Everything until the gateway ends the connection; throws if it does not. */
  async rest(timeoutMs = CLIENT_TIMEOUT_MS): Promise<string> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.close();
    }, timeoutMs);
    await this.#ended;
    clearTimeout(timer);
    if (late) {
      throw new Error(`The gateway does not end the connection; it said: ${this.#received}`);
    }
    return this.#received;
  }

  close(): void {
    this.#socket.destroy();
  }
}
