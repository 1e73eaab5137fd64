/**
 * The one door to this room: what may be listened on, and with which kind of listener. Closed by
 * default: an address other machines can reach needs mutual TLS and the user's word.
 */
import { AgentError } from "../errors.ts";
import { type Logger, logger } from "../log.ts";
import { isLoopback, type ListenAddress, type TcpAddress } from "../net/address.ts";
import { addressText } from "./bind_error.ts";
import type { Listener } from "./listener.ts";
import { listenMutualTls, type ServerTlsFiles } from "./mutual_tls.ts";
import { listenPipe } from "./npipe.ts";
import { listenTcp } from "./tcp.ts";
import { listenUnix } from "./unix.ts";

/** What the user allows. */
export interface ListenOptions {
  /** Whether addresses that other machines can reach may be listened on. Default: no. */
  allowRemoteClients?: boolean;
  /** When given, every TCP listener uses it, as dockerd's `--tlsverify` does. */
  tls?: ServerTlsFiles;
  /** Default: the logger of scope `listen`. */
  log?: Logger;
}

/**
 * Listens on `address`; the caller owns the listener. Throws `AgentError`: `config` when the address
 * is not allowed or a certificate is wrong, `listen` when the system refuses.
 */
export async function listen(
  address: ListenAddress,
  options: ListenOptions = {},
): Promise<Listener> {
  const log = options.log ?? logger("listen");
  switch (address.kind) {
    case "unix":
      return await listenUnix(address, log);
    case "npipe":
      return await listenPipe(address, log);
    case "tcp":
      if (!isLoopback(address.host)) checkAllowed(address, options);
      if (options.tls === undefined) return listenTcp(address, log);
      return await listenMutualTls(address, options.tls, log);
  }
}

function checkAllowed(address: TcpAddress, options: ListenOptions): void {
  const quoted = `"${addressText(address)}"`;
  if (options.allowRemoteClients !== true) {
    throw new AgentError(
      "config",
      `Refusing to listen on ${quoted}: other machines could use the remote engine`,
      {
        hint: "listen on 127.0.0.1, or give --allow-remote-clients with --tls-cert, --tls-key " +
          "and --tls-ca",
      },
    );
  }
  if (options.tls === undefined) {
    throw new AgentError(
      "config",
      `Refusing to listen on ${quoted}: --allow-remote-clients needs mutual TLS`,
      { hint: "give --tls-cert, --tls-key and --tls-ca" },
    );
  }
}
