/**
 * An SSH server in this process, for what a real one cannot be made to do on demand: refuse, hang
 * up, stop reading, ask odd questions. The real sshd is met in the end-to-end tests.
 */
// Before ssh2 itself, so that it is loaded as the program loads it.
import { utils } from "../../../../lib/transport/ssh/ssh2.ts";
import { Buffer } from "node:buffer";
import type { AddressInfo } from "node:net";
// @ts-types="@types/ssh2"
import {
  type AuthContext,
  type Connection as ServerConnection,
  Server,
  type ServerChannel,
} from "ssh2";
import { logger } from "../../../../lib/log.ts";
import { isSound, type Pair } from "../../../../lib/relay/key_pair.ts";
import { connectSsh, type SshTransport } from "../../../../lib/transport/ssh/client.ts";
import { Secrets, type SecretSources } from "../../../../lib/transport/ssh/auth/secrets.ts";
import type { ResolvedSsh } from "../../../../lib/transport/ssh/settings.ts";

/** What a test decides about its server. */
export interface ServerBehaviour {
  /** Private host keys; default: a fresh ed25519 one. */
  hostKeys?: string[];
  /** Default: takes any public key that proves itself. `number` counts connections from 1. */
  authenticate?: (context: AuthContext, number: number) => void;
  /** Serves a forwarded stream of the connection `number`; default: sends back what it gets. */
  stream?: (channel: ServerChannel, number: number) => void;
  /** The output and exit status of a command; default: `undefined`, which refuses it. */
  run?: (command: string) => { stdout: string; code: number } | undefined;
  /** Whether a stream to the path or address may be opened; default: it may. */
  mayOpen?: (where: string) => boolean;
}

/** A running server; `await using` ends it and everything on it. */
export interface TestServer {
  port: number;
  /** The public part of the first host key, as known_hosts has it. */
  publicKey: string;
  connections: ServerConnection[];
  /** How many sessions were open at a time on one connection, at most. */
  mostSessions(): number;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A private key in OpenSSH format and its public line. ssh2 spoils one in a few hundred. */
export function makeKey(passphrase?: string): Pair {
  for (;;) {
    const pair = passphrase === undefined
      ? utils.generateKeyPairSync("ed25519")
      : utils.generateKeyPairSync("ed25519", { passphrase, cipher: "aes256-ctr", rounds: 1 });
    if (isSound(pair, passphrase)) return pair;
  }
}

/** Starts a server on a free loopback port. */
export async function startServer(behaviour: ServerBehaviour = {}): Promise<TestServer> {
  const hostKeys = behaviour.hostKeys ?? [makeKey().private];
  const connections: ServerConnection[] = [];
  let most = 0;
  const server = new Server({ hostKeys }, (connection) => {
    connections.push(connection);
    serve(connection, behaviour, connections.length);
    serveCommands(connection, behaviour, (open) => most = Math.max(most, open));
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return {
    port: (server.address() as AddressInfo).port,
    publicKey: publicLine(hostKeys[0] ?? ""),
    connections,
    mostSessions: () => most,
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      for (const connection of connections) connection.end();
      await closed.promise;
    },
  };
}

/** `type base64` of a private key's public half. */
export function publicLine(key: string): string {
  const parsed = utils.parseKey(key);
  if (parsed instanceof Error) throw parsed;
  return `${parsed.type} ${parsed.getPublicSSH().toString("base64")}`;
}

function serve(connection: ServerConnection, behaviour: ServerBehaviour, number: number): void {
  // A client that refuses our host key is an error here, and what some tests are about.
  connection.on("error", () => {});
  connection.on("authentication", (context) => {
    if (behaviour.authenticate !== undefined) behaviour.authenticate(context, number);
    else if (context.method === "publickey") context.accept();
    else context.reject(["publickey"]);
  });
  const open = (where: string, accept: () => ServerChannel, reject: () => void) => {
    if (behaviour.mayOpen?.(where) === false) reject();
    else (behaviour.stream ?? echo)(accept(), number);
  };
  connection.on("tcpip", (accept, reject, info) => {
    open(`${info.destIP}:${info.destPort}`, accept, reject);
  });
  connection.on("openssh.streamlocal", (accept, reject, info) => {
    open(info.socketPath, accept as () => ServerChannel, reject);
  });
}

function serveCommands(
  connection: ServerConnection,
  behaviour: ServerBehaviour,
  onOpen: (open: number) => void,
): void {
  let open = 0;
  connection.on("session", (accept) => {
    onOpen(++open);
    const session = accept();
    session.on("close", () => open--);
    session.on("exec", (take, refuse, { command }) => {
      const result = behaviour.run?.(command);
      if (result === undefined) return refuse();
      const channel = take();
      channel.write(result.stdout);
      channel.exit(result.code);
      channel.end();
    });
  });
}

function echo(channel: ServerChannel): void {
  channel.on("data", (data: Buffer) => channel.write(data));
  channel.on("end", () => channel.end(Buffer.from("|end")));
}

/** A directory with a key file; `await using` removes it. */
export async function temporaryDirectory() {
  const path = await Deno.makeTempDir({ prefix: "rda-ssh-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Writes a private key as ssh-keygen does and returns its path. */
export async function writeKey(directory: string, name: string, key: string): Promise<string> {
  const path = `${directory}/${name}`;
  await Deno.writeTextFile(path, key, { mode: 0o600 });
  return path;
}

/** Settings for a test server that trust whatever key it shows. */
export function hostOf(port: number, changes: Partial<ResolvedSsh> = {}): ResolvedSsh {
  return {
    host: "test",
    hostName: "127.0.0.1",
    port,
    user: "dev",
    identityFiles: [],
    identityAgents: [],
    identitiesOnly: false,
    userKnownHostsFiles: [],
    globalKnownHostsFiles: [],
    hashKnownHosts: false,
    strict: "no",
    serverAliveIntervalMs: 0,
    serverAliveCountMax: 3,
    connectTimeoutMs: 10_000,
    prompts: true,
    remoteDocker: { kind: "unix", path: "/run/docker.sock" },
    jumps: [],
    ...changes,
  };
}

/** Connects and closes again when disposed of, so that nothing outlives a test. */
export async function connect(
  host: ResolvedSsh,
  sources: SecretSources | Secrets = {},
): Promise<SshTransport & AsyncDisposable> {
  const secrets = sources instanceof Secrets ? sources : new Secrets(sources);
  const log = logger("ssh-test");
  const transport = await connectSsh(host, { secrets, log }, new AbortController().signal);
  return Object.assign(transport, {
    async [Symbol.asyncDispose]() {
      await transport.facts;
      transport.close();
      await transport.closed;
    },
  });
}
