/**
 * Opens streams to the engines and guests behind a gateway. A `Dialer` belongs to one endpoint and owns
 * what it keeps for it: the SSH connection, or the certificates of a TLS endpoint.
 */
import type { SecureContext } from "node:tls";
import { AgentError, messageOf } from "../errors.ts";
import { formatHostPort } from "../net/address.ts";
import { denoConnDuplex } from "../net/deno_conn.ts";
import type { Duplex } from "../net/duplex.ts";
import { readAuthorities, readIdentity } from "../net/tls/files.ts";
import { dialTls, tlsContext } from "../transport/endpoint/tls_dial.ts";
import { sshConnector } from "../transport/ssh/connector.ts";
import type { SshSettings } from "../transport/ssh/settings.ts";
import { Supervisor } from "../transport/supervisor.ts";
import type { Lane } from "../transport/transport.ts";
import type { Endpoint } from "./config.ts";

/** How long a request waits for an SSH connection that was lost. */
const SSH_WAIT_MS = 10_000;

/** See the file comment. */
export interface Dialer {
  /** The value of `Host`: that of our client says nothing to the endpoint, and a guest looks at it. */
  readonly host: string;
  /** Opens a stream, which belongs to the caller. Throws `AgentError`. */
  open(lane: Lane, signal?: AbortSignal): Promise<Duplex>;
  /** Ends what is kept for the endpoint; streams of an SSH connection end with it. */
  close(): Promise<void>;
}

/** Reads the files that the endpoint needs; throws `AgentError` of kind `config` for bad ones. */
export async function makeDialer(endpoint: Endpoint): Promise<Dialer> {
  switch (endpoint.kind) {
    case "unix":
      return plainDialer(() => Deno.connect({ transport: "unix", path: endpoint.path }), {
        name: endpoint.path,
        host: "localhost",
      });
    case "tcp": {
      const { host, port } = endpoint;
      // A guest on loopback takes no other name than one of this machine.
      const name = formatHostPort(host, port);
      return plainDialer(() => connectTcp(host, port), { name, host: name });
    }
    case "tls":
      return tlsDialer(endpoint, await contextOf(endpoint));
    case "ssh":
      return new SshDialer(endpoint.settings);
  }
}

function plainDialer(
  connect: () => Promise<Deno.Conn>,
  { name, host }: { name: string; host: string },
): Dialer {
  return {
    host,
    async open() {
      try {
        return denoConnDuplex(await connect());
      } catch (cause) {
        throw new AgentError("engine", `Cannot connect to "${name}": ${messageOf(cause)}`, {
          cause,
        });
      }
    },
    close: () => Promise.resolve(),
  };
}

async function connectTcp(hostname: string, port: number): Promise<Deno.Conn> {
  const conn = await Deno.connect({ hostname, port });
  conn.setNoDelay(true);
  return conn;
}

type TlsTarget = Extract<Endpoint, { kind: "tls" }>;

async function contextOf({ identity, caFile }: TlsTarget): Promise<SecureContext> {
  return tlsContext(
    identity && await readIdentity(identity, "gateway"),
    caFile === undefined ? undefined : await readAuthorities(caFile, "host"),
  );
}

function tlsDialer({ host, port }: TlsTarget, context: SecureContext): Dialer {
  const endpoint = { host, port, serverName: host };
  return {
    host: formatHostPort(host, port),
    open: (_lane, signal) => dialTls({ endpoint, context, ...(signal && { signal }) }),
    close: () => Promise.resolve(),
  };
}

/** Connects when it is first asked to, and from then on whenever the connection is lost. */
class SshDialer implements Dialer {
  readonly host = "localhost";
  readonly #settings: SshSettings;
  #started: Promise<Supervisor> | undefined;
  #closed = false;

  constructor(settings: SshSettings) {
    this.#settings = settings;
  }

  async open(lane: Lane, signal?: AbortSignal): Promise<Duplex> {
    if (this.#closed) throw new AgentError("lost", "The gateway is shutting down");
    this.#started ??= this.#start();
    const supervisor = await this.#started;
    const options = { lane, waitMs: SSH_WAIT_MS, ...(signal && { signal }) };
    return await supervisor.open({ kind: "docker" }, options);
  }

  async #start(): Promise<Supervisor> {
    const supervisor = new Supervisor({ connect: sshConnector(this.#settings, undefined) });
    try {
      await supervisor.start();
      return supervisor;
    } catch (error) {
      // The next request is the next attempt.
      this.#started = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const supervisor = await this.#started?.catch(() => undefined);
    await supervisor?.close();
  }
}
