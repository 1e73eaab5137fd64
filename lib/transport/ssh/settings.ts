/**
 * What a user asked for, and what became of it: the settings of one SSH host before and after
 * `ssh_config` and the defaults of OpenSSH have been applied (see `ssh/config/resolve.ts`).
 */
import type { Target } from "../transport.ts";

/** What to do about a host key that is not known yet; a changed key is refused in every case. */
export type StrictHostKeyChecking = "yes" | "accept-new" | "no";

/** What the user asked for. Absent means: as `ssh_config` says, else as OpenSSH does. */
export interface SshSettings {
  /** As typed; see `parseSshHost`. */
  host: string;
  /** Outweighs a user in `host`. */
  user?: string;
  /** Outweighs a port in `host`. */
  port?: number;
  /** Private keys to offer first; each must be usable. May begin with `~/`. */
  keyFiles: readonly string[];
  /** Socket of an agent; `"none"` for no agent. Default: `IdentityAgent`, then `SSH_AUTH_SOCK`. */
  agentSocket?: string;
  /** A file to read in place of the usual ones; `"none"` to read none. */
  configFile?: string;
  /** Outweighs `UserKnownHostsFile`; the global files are then not read. */
  knownHostsFiles?: readonly string[];
  strictHostKeyChecking?: StrictHostKeyChecking;
  /** Bound on each of: TCP connect, handshake, authentication without a prompt. Default 10 s. */
  connectTimeoutMs?: number;
  /** Where the engine listens on the remote host. */
  remoteDocker: Target;
}

/** The local side, as far as it matters for resolving settings. */
export interface SshEnv {
  platform: "linux" | "darwin" | "windows";
  home: string;
  /** The local user name. */
  user: string;
  uid?: number;
  /** The local host name. */
  hostname: string;
  /** Environment variables. */
  get(name: string): string | undefined;
  /** Whether a person is there to answer: standard input is a terminal. */
  interactive: boolean;
}

/** A private key file to offer. */
export interface IdentityFile {
  path: string;
  /** An explicit one must be usable; the others are passed over when they are not there. */
  explicit: boolean;
}

/** Everything needed to reach one host. */
export interface ResolvedSsh {
  /** As the user typed it, for messages. */
  host: string;
  /** What to connect to. */
  hostName: string;
  port: number;
  user: string;
  identityFiles: readonly IdentityFile[];
  /** Sockets or pipes of agents, or `"pageant"`. */
  identityAgents: readonly string[];
  /** Offer only those keys of the agent that are among `identityFiles`. */
  identitiesOnly: boolean;
  /** The first one takes new keys. */
  userKnownHostsFiles: readonly string[];
  globalKnownHostsFiles: readonly string[];
  hostKeyAlias?: string;
  hashKnownHosts: boolean;
  strict: StrictHostKeyChecking;
  /** Zero: no keepalive. */
  serverAliveIntervalMs: number;
  serverAliveCountMax: number;
  connectTimeoutMs: number;
  /** Whether passwords and passphrases may be asked for (`BatchMode no`). */
  prompts: boolean;
  remoteDocker: Target;
  /** The hosts to go through, first one first; their own `jumps` are empty. */
  jumps: readonly ResolvedSsh[];
}
