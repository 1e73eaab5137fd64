/**
 * The guest of a remote host, as a client uses it: streams to what the host can reach, and commands.
 * It is found at `/tinyscale/v1` of a gateway or stands alone (docs/tstunnel.md). Owns no connection:
 * the dialer closes them.
 */
import { AgentError } from "../../errors.ts";
import type { HeaderField } from "../../http/head.ts";
import { formatHostPort } from "../../net/address.ts";
import type { Duplex } from "../../net/duplex.ts";
import type { Dialer } from "../endpoint/dialer.ts";
import { upgrade, UpgradeRefused } from "../endpoint/http_upgrade.ts";
import type { Target } from "../transport.ts";
import { formatTarget } from "../url.ts";

/** Where a tunnel leads; datagrams travel in frames of `length(2) data`. */
export type TunnelTarget =
  | Exclude<Target, { kind: "docker" }>
  | { kind: "udp"; host: string; port: number };

/** What requests to the guest carry. */
export interface GuestAddress {
  /** The value of `Host`. */
  readonly host: string;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string;
}

/** What a guest says it can do. */
export type GuestCapability =
  | "exec-framed-v1"
  | "tty"
  | "copy"
  | "tunnel-tcp"
  | "tunnel-udp"
  | "tunnel-unix"
  | "listen-tcp";

const PREFIX = "/tinyscale/v1";
/** Where a guest says what it can do. */
export const INFO_PATH = `${PREFIX}/info`;
const BAD_GATEWAY = 502;

/** See the file comment. */
export class GuestLink {
  /** For people, such as `ts://host:8080`. */
  readonly name: string;
  readonly capabilities: ReadonlySet<string>;
  readonly #dialer: Dialer;
  readonly #address: GuestAddress;

  constructor(
    dialer: Dialer,
    address: GuestAddress,
    { name, capabilities }: { name: string; capabilities: ReadonlySet<string> },
  ) {
    this.#dialer = dialer;
    this.#address = address;
    this.name = name;
    this.capabilities = capabilities;
  }

  /** Whether the guest offers this. */
  can(capability: GuestCapability): boolean {
    return this.capabilities.has(capability);
  }

  /**
   * Opens a stream; the caller owns it. Throws `AgentError` of kind `engine` where the guest cannot
   * reach it or may not, `lost` or `unreachable` where it cannot be asked.
   */
  open(target: TunnelTarget, signal?: AbortSignal): Promise<Duplex> {
    return this.use(signal, async (duplex, { host, token }) => {
      try {
        const request = { path: tunnelPath(target), host, headers: bearer(token) };
        const options = signal === undefined ? {} : { signal };
        return (await upgrade(duplex, { method: "POST", ...request }, options)).duplex;
      } catch (error) {
        throw error instanceof UpgradeRefused ? this.#refusal(target, error) : error;
      }
    });
  }

  /** Hands a fresh connection to `start`, which owns it from then on. */
  async use<T>(
    signal: AbortSignal | undefined,
    start: (duplex: Duplex, address: GuestAddress) => Promise<T>,
  ): Promise<T> {
    return await start(await this.#dialer.take(signal), this.#address);
  }

  #refusal(target: TunnelTarget, refused: UpgradeRefused): AgentError {
    const { status, message } = refused;
    if (status === 401) return refused;
    const what = target.kind === "udp"
      ? `udp://${formatHostPort(target.host, target.port)}`
      : formatTarget(target);
    return new AgentError("engine", `Cannot reach ${what} from ${this.name}: ${message}`, {
      cause: refused,
      hint: hintFor(target, refused),
    });
  }
}

function hintFor({ kind }: TunnelTarget, { status, message }: UpgradeRefused): string {
  if (/not allowed/.test(message)) return "allow it on the remote host with --allow-tunnel";
  if (kind === "unix" && status === 404) {
    return "check that Docker runs on the remote host, or name its socket with --remote-docker";
  }
  if (kind === "unix" && status === 403) {
    return "run the guest as a user who may use the socket, such as one in group docker";
  }
  if (status === BAD_GATEWAY) {
    return "check the address, and that something listens there on the remote host";
  }
  return "the guest or the gateway does not allow it";
}

/** The header that carries a token, if there is one. */
export function bearer(token: string | undefined): HeaderField[] {
  return token === undefined ? [] : [["Authorization", `Bearer ${token}`]];
}

/** The request target for a tunnel, percent-encoded where needed. */
export function tunnelPath(target: TunnelTarget): string {
  const rest = target.kind === "unix"
    ? encodePath(target.path)
    : encodePath(formatHostPort(target.host, target.port));
  return `${PREFIX}/tunnel/${target.kind}:${rest}`;
}

/** Keeps slashes and colons, which a path may hold (RFC 3986, section 3.3). */
function encodePath(text: string): string {
  return encodeURIComponent(text).replaceAll(/%2F|%3A/g, decodeURIComponent);
}
