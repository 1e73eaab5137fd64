/**
 * What tests of the relay share: a directory with keys, an echo server on a Unix socket, and a client
 * of the SSH server. Whoever opens one of these disposes of it.
 */
import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { Client } from "../../lib/transport/ssh/ssh2.ts";
import { generateKeyFiles, type KeyFiles } from "../../lib/relay/key_pair.ts";
import {
  type SshServer,
  type SshServerOptions,
  startSshServer,
} from "../../lib/relay/ssh_server.ts";

/** A directory of its own with a pair of keys that may sign in. */
export interface Keys extends AsyncDisposable {
  readonly directory: string;
  readonly files: KeyFiles;
}

/** Makes keys; the directory goes with them. */
export async function makeKeys(): Promise<Keys> {
  const directory = await Deno.makeTempDir({ prefix: "rda-relay-" });
  const files = await generateKeyFiles(`${directory}/id_ed25519`, "ed25519");
  return {
    directory,
    files,
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

/** A Unix socket that answers with what it is told; ends its answer when it is told to. */
export class EchoSocket implements AsyncDisposable {
  readonly path: string;
  readonly #listener: Deno.UnixListener;
  readonly #loop: Promise<void>;
  readonly #conns = new Set<Deno.Conn>();
  accepted = 0;

  constructor(path: string) {
    this.path = path;
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#loop = this.#serve();
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#conns.size;
  }

  async #serve(): Promise<void> {
    const serving: Promise<void>[] = [];
    try {
      for await (const conn of this.#listener) {
        this.accepted++;
        serving.push(this.#echo(conn));
      }
    } finally {
      await Promise.all(serving);
    }
  }

  async #echo(conn: Deno.Conn): Promise<void> {
    this.#conns.add(conn);
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await conn.read(buffer);
        if (count === null) break;
        for (let at = 0; at < count;) at += await conn.write(buffer.subarray(at, count));
      }
    } catch {
      // The other end, or the test, is done with it.
    } finally {
      this.#conns.delete(conn);
      try {
        conn.close();
      } catch {
        // Closed by the disposal below.
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) conn.close();
    await this.#loop;
  }
}

/** A server on a free port that lets `keys` in, to `sockets`. The caller closes it. */
export function startServer(
  keys: Keys,
  sockets: readonly string[],
  options: Partial<SshServerOptions> = {},
): Promise<SshServer> {
  return startSshServer({
    host: "127.0.0.1",
    port: 0,
    hostKeyFile: `${keys.directory}/host_ed25519`,
    keys: { file: keys.files.authorizedKeysFile, lines: [] },
    doors: { sockets, tcp: [] },
    maxConnections: 1000,
    connectTimeoutMs: 10_000,
    ...options,
  });
}

/** An ssh2 client that has signed in. */
export class RelayClient implements AsyncDisposable {
  readonly inner: Client;

  private constructor(inner: Client) {
    this.inner = inner;
  }

  /** Signs in; rejects if it is not let in. */
  static async open(port: number, keyFile: string): Promise<RelayClient> {
    const client = new Client();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    client.on("ready", resolve);
    client.on("error", reject);
    client.on("close", () => reject(new Error("The connection was closed")));
    const privateKey = await Deno.readTextFile(keyFile);
    client.connect({ host: "127.0.0.1", port, username: "anyone", privateKey });
    try {
      await promise;
    } catch (error) {
      client.destroy();
      throw error;
    }
    return new RelayClient(client);
  }

  /** A connection to a Unix socket behind the server. */
  socket(path: string): Promise<ClientChannel> {
    return answered((done) => this.inner.openssh_forwardOutStreamLocal(path, done));
  }

  /** A TCP connection from the server. */
  tcp(host: string, port: number): Promise<ClientChannel> {
    return answered((done) => this.inner.forwardOut("127.0.0.1", 0, host, port, done));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.inner.once("close", () => resolve()));
    this.inner.end();
    await closed;
  }
}

/** The promise for a callback that takes an error and a result. */
export function answered<T>(
  call: (done: (error: Error | undefined, result: T) => void) => unknown,
): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => error ? reject(error) : resolve(result));
  });
}

/** Writes, ends, and reads to the end. */
export async function converse(channel: ClientChannel, bytes: Uint8Array): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const ended = new Promise<void>((resolve) => channel.once("close", () => resolve()));
  channel.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  channel.end(Buffer.from(bytes));
  await ended;
  return Buffer.concat(chunks);
}
