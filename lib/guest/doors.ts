/**
 * Where a guest may listen. Closed by default: what other machines can reach needs certificates or a
 * token, because whoever gets in runs commands.
 */
import { AgentError } from "../errors.ts";
import { addressText } from "../listen/bind_error.ts";
import { listen } from "../listen/listen.ts";
import type { Listener } from "../listen/listener.ts";
import { listenTls } from "../listen/mutual_tls.ts";
import { listenTcp } from "../listen/tcp.ts";
import type { Logger } from "../log.ts";
import { isLoopback, type ListenAddress } from "../net/address.ts";
import type { IdentityFiles } from "../net/tls/files.ts";
import type { Door } from "./access.ts";

/** How clients are told apart at the door. */
export interface DoorRules {
  /** The guest's certificate; every TCP listener then speaks TLS. */
  readonly identity?: IdentityFiles;
  /** The authority that must have signed a client's certificate. */
  readonly clientCaFile?: string;
  /** Whether a token is asked for. */
  readonly token: boolean;
  /** See `--dangerously-allow-anonymous`. */
  readonly allowAnonymous: boolean;
}

/** A listener and what passing it means. */
export interface OpenDoor {
  readonly listener: Listener;
  readonly door: Door;
}

/**
 * Listens on `address`. Throws `AgentError`: `config` when that would let anybody in, `listen` when the
 * system refuses.
 */
export async function openDoor(
  address: ListenAddress,
  rules: DoorRules,
  log: Logger,
): Promise<OpenDoor> {
  if (address.kind !== "tcp") {
    const listener = await listen(address, { log });
    return { listener, door: { kind: "unix", local: true, mutualTls: false } };
  }
  const local = isLoopback(address.host);
  const { identity, clientCaFile } = rules;
  const mutualTls = identity !== undefined && clientCaFile !== undefined;
  if (!local && !mutualTls && !rules.token) {
    if (!rules.allowAnonymous) throw anonymous(addressText(address));
    log.warn(
      `DANGER: anybody who can reach ${addressText(address)} runs commands here as this user ` +
        "(--dangerously-allow-anonymous)",
    );
  }
  if (!local && identity === undefined && rules.token) {
    log.warn(
      `The token and all that follows travel unencrypted to ${addressText(address)}; ` +
        "give --tls-cert and --tls-key",
    );
  }
  const listener = identity === undefined
    ? listenTcp(address, log)
    : await listenTls(address, { ...identity, ...(clientCaFile && { caFile: clientCaFile }) }, log);
  return { listener, door: { kind: "tcp", local, mutualTls } };
}

function anonymous(where: string): AgentError {
  return new AgentError(
    "config",
    `Refusing to listen on "${where}": anybody could run commands on this machine`,
    {
      hint: "give --tls-cert, --tls-key and --client-ca, or --token-file, or listen on 127.0.0.1",
    },
  );
}
