/** TCP listeners without TLS, for loopback addresses. */
import type { Logger } from "../log.ts";
import { formatHostPort, type TcpAddress } from "../net/address.ts";
import { bindError } from "./bind_error.ts";
import { denoListener } from "./deno_listener.ts";
import type { Listener } from "./listener.ts";

/**
 * Listens on a loopback address; `listen()` sees to that. `localhost` means 127.0.0.1, as it does
 * for dockerd, whatever the machine's resolver prefers. Throws `AgentError` of kind `listen`.
 */
export function listenTcp(address: TcpAddress, log: Logger): Listener {
  const hostname = /^localhost\.?$/i.test(address.host) ? "127.0.0.1" : address.host;
  let listener: Deno.TcpListener;
  try {
    listener = Deno.listen({ transport: "tcp", hostname, port: address.port });
  } catch (error) {
    throw bindError({ ...address, host: hostname }, error);
  }
  const bound: TcpAddress = { ...address, host: hostname, port: listener.addr.port };
  return denoListener(listener, { address: bound, log, welcome });
}

/** One Docker request is often several small writes; Nagle's algorithm would delay them. */
function welcome(conn: Deno.Conn): string {
  if (isTcp(conn)) conn.setNoDelay(true);
  const { remoteAddr } = conn;
  if (remoteAddr.transport !== "tcp") return remoteAddr.transport;
  return formatHostPort(remoteAddr.hostname, remoteAddr.port);
}

function isTcp(conn: Deno.Conn): conn is Deno.TcpConn {
  return conn.remoteAddr.transport === "tcp";
}
