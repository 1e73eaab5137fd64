/**
 * From a connected byte stream to an authenticated connection: key exchange, host key,
 * authentication, and one clear error for everything that can go wrong on the way. It owns the
 * stream until it hands it over inside a {@link Connection}; on failure it destroys it.
 */
import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ConnectConfig, NegotiatedAlgorithms } from "ssh2";
import { AgentError, messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { formatHostPort } from "../../net/address.ts";
import { type Authentication, authentication } from "./auth/auth.ts";
import { Deadline } from "./auth/deadline.ts";
import type { Secrets } from "./auth/secrets.ts";
import { algorithms } from "./cipher/ciphers.ts";
import { Connection } from "./connection.ts";
import { type HostKeyVerifier, hostKeyVerifier } from "./host_key/host_key.ts";
import type { ResolvedSsh } from "./settings.ts";
import type { SshSocket } from "./socket.ts";
import { Client } from "./ssh2.ts";

/** What the connections of a process share. */
export interface SshDeps {
  secrets: Secrets;
  log: Logger;
}

/** How OpenSSH's sshd turns a client away in the place of its version (since 9.2, and since 9.8). */
const BUSY = /^(Exceeded MaxStartups|Not allowed at this time)/;
/** What may be the longest first line of something that is not an SSH server. */
const MAX_QUOTED_BYTES = 80;

/** A host with everything that could be checked before connecting to it. */
export interface Prepared {
  host: ResolvedSsh;
  /** Whether the stream is carried by another SSH connection. */
  nested: boolean;
  verifier: HostKeyVerifier;
  auth: Authentication;
  deadline: Deadline;
  log: Logger;
}

/** Reads keys and known hosts, so that bad ones are reported before anything is sent. */
export async function prepare(
  host: ResolvedSsh,
  nested: boolean,
  deps: SshDeps,
  signal: AbortSignal,
): Promise<Prepared> {
  const deadline = new Deadline();
  const context = { host, secrets: deps.secrets, signal, log: deps.log };
  const auth = await authentication(context, deadline);
  const verifier = await hostKeyVerifier(host, deps.log);
  return { host, nested, verifier, auth, deadline, log: deps.log };
}

/**
 * Takes `stream` over. Throws `AgentError` of kind `unreachable`, `host-key` or `authentication`,
 * or the reason of an abort.
 */
export async function handshake(
  prepared: Prepared,
  stream: SshSocket,
  signal: AbortSignal,
): Promise<Connection> {
  const client = new Client();
  const attempt = new Attempt(prepared, client, stream);
  const onAbort = () => attempt.fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    await attempt.run();
    const { user, hostName } = prepared.host;
    const peer = { name: `${user}@${hostName}`, hostKey: attempt.hostKey };
    return new Connection(peer, client, stream);
  } catch (error) {
    // The client goes on emitting errors while it falls apart; the first one is the one thrown.
    client.on("error", () => {});
    client.end();
    stream.destroy();
    throw error;
  } finally {
    attempt.dispose();
    signal.removeEventListener("abort", onAbort);
  }
}

class Attempt {
  readonly #prepared: Prepared;
  readonly #client: Client;
  readonly #stream: SshSocket;
  readonly #outcome = Promise.withResolvers<void>();
  #stage: "key exchange" | "authentication" = "key exchange";
  /** The key the host has shown, base64. */
  hostKey = "";
  #hostKeyError: AgentError | undefined;
  #firstBytes: Buffer = Buffer.alloc(0);

  constructor(prepared: Prepared, client: Client, stream: SshSocket) {
    this.#prepared = prepared;
    this.#client = client;
    this.#stream = stream;
    // Awaited only in `run`, which a failure may precede.
    this.#outcome.promise.catch(() => {});
  }

  fail(error: unknown): void {
    this.#outcome.reject(error);
  }

  async run(): Promise<void> {
    const { deadline, auth, host } = this.#prepared;
    this.#client.on("ready", () => this.#outcome.resolve());
    this.#client.on("error", this.#onError);
    this.#client.on("close", this.#onClose);
    this.#client.once("handshake", this.#onHandshake);
    this.#stream.on("data", this.#onData);
    deadline.start(host.connectTimeoutMs, () => this.fail(this.#timedOut()));
    this.#client.connect(this.#config());
    await this.#outcome.promise;
    auth.succeeded();
  }

  /** Lets go of the client; what it says from now on is the connection's business. */
  dispose(): void {
    this.#prepared.deadline.stop();
    this.#stream.off("data", this.#onData);
    this.#client.off("error", this.#onError);
    this.#client.off("close", this.#onClose);
    this.#client.off("handshake", this.#onHandshake);
  }

  #config(): ConnectConfig {
    const { host, nested, verifier, auth } = this.#prepared;
    return {
      sock: this.#stream.forSsh2,
      username: host.user,
      algorithms: algorithms(verifier.algorithms, nested),
      hostVerifier: (key: Buffer) => {
        this.hostKey = key.toString("base64");
        this.#hostKeyError = verifier.check(key);
        return this.#hostKeyError === undefined;
      },
      authHandler: auth.handler,
      readyTimeout: 0,
      keepaliveInterval: host.serverAliveIntervalMs,
      // The library gives up one interval later than OpenSSH does.
      keepaliveCountMax: Math.max(0, host.serverAliveCountMax - 1),
    };
  }

  #onHandshake = (negotiated: NegotiatedAlgorithms): void => {
    const { deadline, host, verifier } = this.#prepared;
    this.#prepared.log.debug("Keys exchanged", {
      host: host.hostName,
      kex: negotiated.kex,
      hostKey: negotiated.serverHostKey,
      cipher: negotiated.cs.cipher,
    });
    this.#stage = "authentication";
    this.#stream.off("data", this.#onData);
    deadline.start(host.connectTimeoutMs, () => this.fail(this.#timedOut()));
    verifier.proved().catch((error) => this.fail(error));
  };

  #onData = (data: Buffer): void => {
    if (this.#firstBytes.length < MAX_QUOTED_BYTES) {
      this.#firstBytes = Buffer.concat([this.#firstBytes, data.subarray(0, MAX_QUOTED_BYTES)]);
    }
  };

  #onError = (error: Error & { level?: string }): void => {
    // A key that an agent would not sign with; the next one is tried.
    if (error.level === "agent") return;
    this.fail(this.#describe(error));
  };

  #onClose = (): void => {
    this.fail(this.#describe(new Error("the remote host closed the connection")));
  };

  #describe(error: Error & { level?: string }): AgentError {
    if (this.#hostKeyError !== undefined) return this.#hostKeyError;
    const { auth, host } = this.#prepared;
    if (this.#stage === "authentication") {
      if (error.level === "client-authentication") return auth.failure(undefined);
      // A disconnect message carries a reason code: the server has had enough of us.
      if ("code" in error && typeof error.code === "number") return auth.failure(messageOf(error));
    }
    const where = formatHostPort(host.hostName, host.port);
    const received = notSsh(this.#firstBytes);
    if (received !== undefined && BUSY.test(received)) {
      return new AgentError(
        "unreachable",
        `${where} takes no more logins at the moment: "${received}"`,
        { cause: error, hint: "try again, or raise MaxStartups in the sshd_config of that host" },
      );
    }
    if (received !== undefined) {
      return new AgentError(
        "unreachable",
        `${where} is not an SSH server: received "${received}"`,
        {
          cause: error,
          hint: "check the port; SSH servers listen on 22 unless told otherwise",
        },
      );
    }
    return new AgentError(
      "unreachable",
      `Cannot connect to ${where}: ${this.#stage} failed: ${messageOf(error)}`,
      { cause: error, hint: "see the log of the SSH server on the remote host" },
    );
  }

  #timedOut(): AgentError {
    const { host } = this.#prepared;
    const seconds = host.connectTimeoutMs / 1000;
    return new AgentError(
      "unreachable",
      `Cannot connect to ${formatHostPort(host.hostName, host.port)}: ${this.#stage} timed out ` +
        `after ${seconds} s`,
      { hint: "check that this is an SSH server and that the network is not stalled" },
    );
  }
}

/** The first line of a peer that does not speak SSH (RFC 4253 section 4.2), fit for a message. */
function notSsh(bytes: Buffer): string | undefined {
  const text = bytes.toString("latin1");
  if (text === "" || /^SSH-/m.test(text)) return undefined;
  const [line = ""] = text.split(/[\r\n]/);
  return line.replaceAll(/[^\x20-\x7e]/g, ".").slice(0, MAX_QUOTED_BYTES);
}
