/**
 * TCP to an SSH server, with errors that name the cause. ssh2 needs a `node:net` socket.
 */
import { connect, type Socket } from "node:net";
import { AgentError, messageOf } from "../../errors.ts";
import { formatHostPort } from "../../net/address.ts";

/** Where to connect to and how long to try. */
export interface DialOptions {
  host: string;
  port: number;
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * A connected socket without Nagle's delay, which the caller owns. It has an `error` listener, so a
 * later error on it never goes unhandled. Throws `AgentError` of kind `unreachable`, or the reason
 * of an abort.
 */
export async function dialTcp(options: DialOptions): Promise<Socket> {
  const { host, port, timeoutMs, signal } = options;
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason);
  const timer = setTimeout(() => reject(timedOut(options)), timeoutMs);
  const socket = connect({ host, port, noDelay: true });
  socket.once("connect", resolve);
  socket.on("error", (error: Error) => reject(dialError(options, error)));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

const CHECK_NETWORK = "check the host name, the port, and that the network or VPN is up";

function timedOut({ host, port, timeoutMs }: DialOptions): AgentError {
  const seconds = timeoutMs / 1000;
  return new AgentError(
    "unreachable",
    `Cannot reach ${formatHostPort(host, port)}: timed out after ${seconds} s`,
    { hint: CHECK_NETWORK },
  );
}

const CAUSES: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  ENOTFOUND: ["the host name is not known", "check the spelling of the host name and the DNS"],
  EAI_AGAIN: ["the name server does not answer", CHECK_NETWORK],
  ECONNREFUSED: ["connection refused", "check the port, and that the SSH server is running"],
  ETIMEDOUT: ["timed out", CHECK_NETWORK],
  EHOSTUNREACH: ["no route to the host", CHECK_NETWORK],
  ENETUNREACH: ["the network is unreachable", CHECK_NETWORK],
  ECONNRESET: ["the connection was reset", "check that an SSH server listens on this port"],
};

function dialError({ host, port }: DialOptions, cause: Error): AgentError {
  const [why, hint] = CAUSES[codeOf(cause)] ?? [messageOf(cause), CHECK_NETWORK];
  const message = `Cannot reach ${formatHostPort(host, port)}: ${why}`;
  return new AgentError("unreachable", message, { cause, hint });
}

/** With several addresses Node reports one error around the errors of all. */
function codeOf(error: Error): string {
  const inner = error instanceof AggregateError ? error.errors[0] : error;
  const code = (inner as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "";
}
