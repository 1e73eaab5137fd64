/** What a gateway is told: data that is made once, replaced as a whole on reload, never changed. */
import type { TcpAddress } from "../net/address.ts";
import type { IdentityFiles } from "../net/tls/files.ts";
import type { SshSettings } from "../transport/ssh/settings.ts";
import type { ClientRule } from "./rights.ts";

/** See the file comment. All paths are absolute, times milliseconds. */
export interface GatewayConfig {
  readonly listen: TcpAddress;
  /** What is shown to clients: its names must cover those of the hosts. */
  readonly identity: IdentityFiles;
  /** The authorities whose client certificates are let in; several while one replaces another. */
  readonly authorityFiles: readonly string[];
  /** By server name, in lower case. */
  readonly hosts: ReadonlyMap<string, HostConfig>;
  readonly rules: readonly ClientRule[];
  readonly limits: GatewayLimits;
}

/** Where the engine and the guest of one host are, as seen from the gateway. */
export interface HostConfig {
  readonly engine?: Endpoint;
  readonly guest?: Endpoint;
  /** A file with the token that the guest asks for. */
  readonly guestTokenFile?: string;
}

/** An address to dial. */
export type Endpoint =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | {
    readonly kind: "tls";
    readonly host: string;
    readonly port: number;
    /** Shown to the server, which is asked for by the name of its host. */
    readonly identity?: IdentityFiles;
    /** Default: the public authorities. */
    readonly caFile?: string;
  }
  | { readonly kind: "ssh"; readonly settings: SshSettings };

/** Bounds; none of them can be left out. */
export interface GatewayLimits {
  readonly connections: number;
  /** For each certificate. */
  readonly connectionsPerClient: number;
  /** For each certificate; as many may come at once. */
  readonly requestsPerSecond: number;
  readonly handshakeMs: number;
  /** For the head of a request. */
  readonly headerMs: number;
  /** Between two requests, and before the first. */
  readonly idleMs: number;
  /** How long a body may come to a halt. */
  readonly bodyMs: number;
  /** How long a client may take nothing of what is sent to it. */
  readonly writeMs: number;
}

export const DEFAULT_LIMITS: GatewayLimits = {
  connections: 4000,
  connectionsPerClient: 1000,
  requestsPerSecond: 1000,
  handshakeMs: 10_000,
  headerMs: 10_000,
  idleMs: 5 * 60_000,
  bodyMs: 5 * 60_000,
  writeMs: 24 * 3_600_000,
};
