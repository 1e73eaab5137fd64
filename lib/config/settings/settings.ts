/**
 * The settings of one run, as the rest of the program sees them: typed, complete, checked. Made
 * once from the values of the option table and never changed.
 */
import type { BridgeSettings } from "../../bridge/bridge.ts";
import { parsePlainForward, type PlainForward } from "../../forward/plain.ts";
import { parseReverse, type ReverseTarget } from "../../forward/reverse.ts";
import type { PortRule } from "../../forward/rules.ts";
import type { LogFormat, LogLevel } from "../../log.ts";
import type { OpsSettings } from "../../ops/ops.ts";
import type { ClientLimits } from "../../proxy/limits.ts";
import type { MtlsSettings } from "../../transport/endpoint/mtls.ts";
import { describeTstunnel, type TstunnelSettings } from "../../transport/endpoint/tstunnel.ts";
import { parseSshHost, type SshHost } from "../../transport/url.ts";
import type { BindSettings } from "./binds.ts";
import { bridgeSettings } from "./bridge.ts";
import { endpointSettings } from "./endpoint.ts";
import { type Origin, rankOf } from "../option.ts";
import { parsePortRule } from "../port_rule.ts";
import type { OptionName, Values } from "../schema.ts";

/** What listeners show to remote clients, and whose clients they let in. PEM files. */
export interface TlsSettings {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

/** What becomes of the ports that containers publish. */
export interface PortSettings {
  /** An IP address, without brackets. */
  readonly address: string;
  readonly mode: Values["publish-mode"];
  /** Also those of containers that others have started. */
  readonly foreign: boolean;
  readonly rules: readonly PortRule[];
  /** Forwards that no container asks for. */
  readonly forwards: readonly PlainForward[];
  /** Ports of this machine that containers reach. */
  readonly reverse: readonly ReverseTarget[];
}

/** See the file comment. Paths are absolute, durations are milliseconds. */
export interface Settings {
  readonly transport: Values["transport"];
  readonly mode: Values["mode"];
  /** Addresses that `parseListenAddress` reads, at least one; the local socket is among them. */
  readonly listen: readonly string[];
  /** `unix:///path` or `tcp://host:port`, as seen from the remote host. */
  readonly remoteDocker: string;
  /** A name, an address without brackets or a `Host` of the OpenSSH configuration. */
  readonly sshHost?: string;
  /** Absent: what the OpenSSH configuration says, or its defaults. So for all of `ssh…`. */
  readonly sshUser?: string;
  readonly sshPort?: number;
  /** Absolute paths; empty for the keys ssh would try. */
  readonly sshKeys: readonly string[];
  /** The one file to read; `"none"` for none. Absent: the files ssh would read. */
  readonly sshConfig?: string;
  /** Absolute paths; empty for the files ssh would read. */
  readonly sshKnownHosts: readonly string[];
  readonly sshStrictHostKeyChecking?: NonNullable<Values["ssh-strict-host-key-checking"]>;
  /** A function, so that no one who prints or logs settings prints the secret. */
  readonly sshPassphrase: () => string | undefined;
  readonly ports: PortSettings;
  /** For what outlives a run. Absent: the home directory is not known. */
  readonly stateFolder?: string;
  readonly timeoutMs: number;
  readonly reconnectWaitMs: number;
  /** Present if and only if the transport is `mtls`. */
  readonly mtls?: MtlsSettings;
  /** Present if and only if the transport is `tstunnel`. */
  readonly tstunnel?: TstunnelSettings;
  readonly allowRemoteClients: boolean;
  /** Present if server certificates were given. */
  readonly tls?: TlsSettings;
  readonly dump: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Where messages go in place of standard error. */
  readonly logFile?: string;
  readonly shutdownTimeoutMs: number;
  readonly warmConnections: number;
  /** The remote host is connected when it is used for the first time. */
  readonly onDemand: boolean;
  /** The program ends when nothing was used for so long. Absent: never. */
  readonly idleExitMs?: number;
  readonly limits: ClientLimits;
  readonly ops: OpsSettings;
  readonly sync: SyncSettings;
  readonly binds: BindSettings;
  /** Absent: no proxy is wanted. */
  readonly bridge?: BridgeSettings;
  /** Where each value came from, for messages about it. */
  readonly origins: Readonly<Record<OptionName, Origin>>;
}

/** How folders are synced. */
export interface SyncSettings {
  /** A directory of the remote host; may begin with `~/`. */
  readonly root: string;
  readonly maxBytes: number;
  readonly ignore: readonly string[];
  readonly gitignore: boolean;
  readonly mode: Values["sync-mode"];
}

/** What {@link makeSettings} needs beside the values. */
export interface Circumstances {
  readonly origins: Readonly<Record<OptionName, Origin>>;
  /** Whether log messages go to a terminal. */
  readonly isTerminal: boolean;
  readonly sshPassphrase: string | undefined;
  readonly stateFolder: string | undefined;
  readonly limits: ClientLimits;
  readonly ops: OpsSettings;
  readonly binds: BindSettings;
}

/** Assembles settings from values that have passed `checkValues`. */
export function makeSettings(values: Values, circumstances: Circumstances): Settings {
  const { origins, isTerminal, sshPassphrase, stateFolder, limits, ops, binds } = circumstances;
  const bridge = bridgeSettings(values, origins);
  return {
    ...endpointSettings(values, origins),
    mode: values.mode,
    listen: listenAddresses(values, origins),
    remoteDocker: values["remote-docker"],
    ...sshSettings(values, origins),
    sshPassphrase: () => sshPassphrase,
    ports: portSettings(values),
    ...(stateFolder === undefined ? {} : { stateFolder }),
    timeoutMs: values.timeout,
    reconnectWaitMs: values["reconnect-wait"],
    allowRemoteClients: values["allow-remote-clients"],
    ...tlsSettings(values),
    dump: values.dump,
    logLevel: logLevelOf(values, origins),
    logFormat: values["log-format"] ?? (isTerminal ? "text" : "json"),
    ...(values["log-file"] !== undefined && { logFile: values["log-file"] }),
    shutdownTimeoutMs: values["shutdown-timeout"],
    sync: {
      root: values["sync-root"],
      maxBytes: values["sync-max-size"],
      ignore: values["sync-ignore"],
      gitignore: values["sync-gitignore"],
      mode: values["sync-mode"],
    },
    warmConnections: values["warm-connections"],
    ...demandSettings(values, origins),
    limits,
    ops,
    binds,
    ...(bridge === undefined ? {} : { bridge }),
    origins,
  };
}

/** The remote host for people, such as `ssh://dev@gpu.example.com:2222`. */
export function describeRemote(settings: Settings): string {
  const { mtls, tstunnel, sshHost = "", sshUser, sshPort } = settings;
  if (mtls !== undefined) return `mtls://${mtls.serverName}`;
  if (tstunnel !== undefined) return describeTstunnel(tstunnel);
  const user = sshUser === undefined ? "" : `${sshUser}@`;
  const host = sshHost.includes(":") ? `[${sshHost}]` : sshHost;
  return `ssh://${user}${host}${sshPort === undefined ? "" : `:${sshPort}`}`;
}

/** Whoever wants to end when nothing is used does not want to connect before. */
function demandSettings(values: Values, origins: Circumstances["origins"]) {
  const { "idle-exit": idleExitMs, "on-demand": onDemand } = values;
  const isImplied = idleExitMs !== undefined && origins["on-demand"].source === "default";
  return { onDemand: onDemand || isImplied, ...(idleExitMs === undefined ? {} : { idleExitMs }) };
}

/** A dump is written at level debug, so asking for one asks for the level. */
function logLevelOf(values: Values, origins: Circumstances["origins"]): LogLevel {
  return values.dump && origins["log-level"].source === "default" ? "debug" : values["log-level"];
}

/** A local socket stands in for the default address, but joins addresses that were asked for. */
function listenAddresses(values: Values, origins: Circumstances["origins"]): string[] {
  const socket = values["local-socket"];
  if (socket === undefined) return [...values.listen];
  const asked = origins.listen.source === "default" ? [] : values.listen;
  return [...asked, `unix://${socket}`];
}

function sshSettings(values: Values, origins: Circumstances["origins"]) {
  const host: Partial<SshHost> = values["ssh-host"] === undefined
    ? {}
    : parseSshHost(values["ssh-host"]);
  // The option outdoes `user@` in the host, unless the host comes from a stronger source.
  const named = values["ssh-user"];
  const prefersNamed = rankOf(origins["ssh-user"]) >= rankOf(origins["ssh-host"]);
  const user = prefersNamed ? named ?? host.user : host.user ?? named;
  const strict = values["ssh-strict-host-key-checking"];
  const config = values["ssh-config"];
  return {
    ...(host.host === undefined ? {} : { sshHost: host.host }),
    ...(host.port === undefined ? {} : { sshPort: host.port }),
    ...(user === undefined ? {} : { sshUser: user }),
    sshKeys: values["ssh-key"],
    ...(config === undefined ? {} : { sshConfig: config }),
    sshKnownHosts: values["ssh-known-hosts"],
    ...(strict === undefined ? {} : { sshStrictHostKeyChecking: strict }),
  };
}

/** What listeners show, if certificates were given. */
export function tlsSettings(values: Values): { tls?: TlsSettings } {
  const { "tls-cert": certFile, "tls-key": keyFile, "tls-ca": caFile } = values;
  if (certFile === undefined || keyFile === undefined || caFile === undefined) return {};
  return { tls: { certFile, keyFile, caFile } };
}

function portSettings(values: Values): PortSettings {
  return {
    address: values["publish-address"],
    mode: values["publish-mode"],
    foreign: values["forward-foreign"],
    rules: values.ports.map(parsePortRule),
    forwards: values.forward.map(parsePlainForward),
    reverse: values.reverse.map(parseReverse),
  };
}
