/**
 * TCP to an SSH server, with errors that name the cause.
 */
import { AgentError, errorCode, messageOf } from "../../errors.ts";
import { formatHostPort } from "../../net/address.ts";
import { lendingConnDuplex } from "../../net/deno_conn.ts";
import type { Duplex } from "../../net/duplex.ts";

/** Where to connect to and how long to try. */
export interface DialOptions {
  host: string;
  port: number;
  timeoutMs: number;
  signal: AbortSignal;
  /** Is told which address of this machine the connection goes out from. */
  onLocalAddress?: (address: string) => void;
}

/**
 * A connection without Nagle's delay, which the caller owns. Throws `AgentError` of kind
 * `unreachable`, or the reason of an abort.
 */
export async function dialTcp(options: DialOptions): Promise<Duplex> {
  const { host, port, timeoutMs, signal } = options;
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const conn = await Deno.connect({
      hostname: host,
      port,
      signal: AbortSignal.any([signal, limit]),
    });
    conn.setNoDelay(true);
    options.onLocalAddress?.(conn.localAddr.hostname);
    // ssh2 keeps a piece only while the MAC of a packet that ends with it has not come yet.
    return lendingConnDuplex(conn);
  } catch (error) {
    signal.throwIfAborted();
    if (limit.aborted) throw timedOut(options);
    throw dialError(options, error);
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

function dialError({ host, port }: DialOptions, cause: unknown): AgentError {
  const [why, hint] = CAUSES[codeOf(cause)] ?? [messageOf(cause), CHECK_NETWORK];
  const message = `Cannot reach ${formatHostPort(host, port)}: ${why}`;
  return new AgentError("unreachable", message, { cause, hint });
}

/** A failed look-up comes with a text only, the system's: from glibc, macOS or Windows. */
function codeOf(error: unknown): string {
  const code = errorCode(error);
  if (code !== "") return code;
  const text = messageOf(error);
  if (!text.startsWith("failed to lookup address")) return "";
  return /temporary|11002/i.test(text) ? "EAI_AGAIN" : "ENOTFOUND";
}
