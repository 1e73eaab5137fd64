/**
 * The one table of options. Flags, environment, configuration file, `--help` and the reference in
 * `docs/configuration.md` all come from it: an option is added here and nowhere else.
 */
import { LOG_FORMATS, LOG_LEVELS } from "../log.ts";
import { KEY_KINDS } from "../relay/key_types.ts";
import type { OptionSpec, ValueOf } from "./option.ts";

/** The longest duration accepted: a day. Timers cannot count past 24.8 days. */
const MAX_DURATION_MS = 24 * 60 * 60 * 1000;
const duration = { type: "duration", placeholder: "DURATION", max: MAX_DURATION_MS } as const;
const path = { type: "path", placeholder: "FILE" } as const;
const start = ["start"] as const;
const server = ["relay-server"] as const;
const relay = ["relay"] as const;
/** Both halves of the relay, whose flags were those of one program once. */
const relays = ["relay-server", "relay"] as const;
const running = ["start", "relay-server", "relay"] as const;
const all = ["start", "relay-server", "relay", "keygen"] as const;
/** As {@link duration}; a plain number counts seconds, as it did for an earlier tool. */
const seconds = { ...duration, seconds: true } as const;

/** Every option, in the order of the help. */
export const OPTIONS = {
  config: {
    ...path,
    group: "General",
    none: true,
    inFile: false,
    defaultNote: "the user's own file, if there is one",
    help: 'Read settings from this YAML or JSON file, or from "none"',
    commands: all,
  },
  transport: {
    type: "choice",
    choices: ["ssh", "mtls"],
    default: "ssh",
    group: "General",
    help: "How to reach the remote host",
    commands: start,
  },
  mode: {
    type: "choice",
    choices: ["http", "raw"],
    default: "http",
    group: "General",
    help: "Understand the Docker API, or relay bytes untouched",
    commands: start,
  },
  "remote-docker": {
    type: "engine",
    default: "unix:///var/run/docker.sock",
    aliases: ["remote-socket"],
    fileKeys: ["remote_socket", "RemoteDocker"],
    placeholder: "URL",
    group: "General",
    help: "The engine as seen from the remote host: unix:///PATH or tcp://HOST:PORT",
    commands: ["start", "relay"],
  },
  listen: {
    type: "listen",
    many: true,
    default: "127.0.0.1:2375",
    fileKeys: ["ListenAddr"],
    placeholder: "ADDRESS",
    group: "Listening",
    help: "Listen on HOST:PORT, unix:///PATH or npipe:////./pipe/NAME",
    commands: start,
  },
  "local-socket": {
    ...path,
    group: "Listening",
    help: "Listen on this Unix socket, in place of the default address",
    commands: start,
  },
  "allow-remote-clients": {
    type: "boolean",
    default: "false",
    group: "Listening",
    help: "Permit listening beyond this machine; needs the three tls options",
    commands: start,
  },
  "tls-cert": {
    ...path,
    group: "Listening",
    help: "Certificate shown to remote clients",
    commands: start,
  },
  "tls-key": {
    ...path,
    group: "Listening",
    help: "Private key of that certificate",
    commands: start,
  },
  "tls-ca": {
    ...path,
    group: "Listening",
    help: "Authority that must have signed a client's certificate",
    commands: start,
  },
  "ssh-host": {
    type: "host",
    fileKeys: ["SSHHost"],
    placeholder: "[USER@]HOST[:PORT]",
    group: "SSH",
    help: "The remote host; a Host of the OpenSSH configuration works too",
    commands: start,
  },
  "ssh-user": {
    type: "string",
    fileKeys: ["SSHUser"],
    placeholder: "USER",
    defaultNote: "as ssh would choose",
    group: "SSH",
    help: "User name on the remote host",
    commands: start,
  },
  "ssh-key": {
    ...path,
    many: true,
    fileKeys: ["ssh_key_path", "SSHKeyPath"],
    defaultNote: "the SSH agent, then the keys ssh would try",
    group: "SSH",
    help: "Private key to sign in with",
    commands: start,
  },
  "ssh-config": {
    ...path,
    none: true,
    defaultNote: "~/.ssh/config and the system's",
    group: "SSH",
    help: 'Follow this OpenSSH configuration alone, or "none"',
    commands: start,
  },
  "ssh-known-hosts": {
    ...path,
    many: true,
    defaultNote: "as ssh would choose",
    group: "SSH",
    help: "File of trusted host keys",
    commands: start,
  },
  "ssh-strict-host-key-checking": {
    type: "choice",
    choices: ["yes", "accept-new", "no"],
    defaultNote: "accept-new on a terminal, yes otherwise",
    group: "SSH",
    help: "What to do about an unknown host key; a changed one is always refused",
    commands: start,
  },
  "mtls-endpoint": {
    type: "host",
    placeholder: "HOST[:PORT]",
    group: "mTLS",
    help: "The gateway to connect to, port 443 unless given",
    commands: start,
  },
  "mtls-cert": { ...path, group: "mTLS", help: "Client certificate", commands: start },
  "mtls-key": { ...path, group: "mTLS", help: "Private key of that certificate", commands: start },
  "mtls-ca": {
    ...path,
    defaultNote: "the system's authorities",
    group: "mTLS",
    help: "Authority that must have signed the gateway's certificate",
    commands: start,
  },
  "mtls-sni": {
    type: "string",
    placeholder: "NAME",
    defaultNote: "the host of the endpoint",
    group: "mTLS",
    help: "Server name to ask the gateway for",
    commands: start,
  },
  "publish-address": {
    type: "ip",
    default: "127.0.0.1",
    placeholder: "ADDRESS",
    group: "Ports",
    help: "Where published ports listen on this machine unless -p names a local address",
    commands: start,
  },
  "publish-mode": {
    type: "choice",
    choices: ["virtual", "same", "off"],
    default: "virtual",
    group: "Ports",
    help: "Bind published ports only here, also on the remote host, or leave them alone",
    commands: start,
  },
  "forward-foreign": {
    type: "boolean",
    default: "false",
    group: "Ports",
    help: "Also forward the ports of containers that others have started",
    commands: start,
  },
  ports: {
    type: "port-rule",
    many: true,
    placeholder: "RULE",
    group: "Ports",
    help:
      'Where a published port goes, such as "image=db* port=5432 local=15432"; the first counts',
    commands: start,
  },
  forward: {
    type: "forward",
    many: true,
    placeholder: "PORT:HOST:PORT",
    group: "Ports",
    help: "Forward a local port to an address that the remote host can reach",
    commands: start,
  },
  host: {
    type: "string",
    default: "127.0.0.1",
    placeholder: "ADDRESS",
    group: "Relay server",
    help: "Take SSH connections on this address",
    commands: server,
  },
  port: {
    type: "integer",
    default: "20022",
    min: 0,
    max: 65535,
    placeholder: "PORT",
    group: "Relay server",
    help: "Take SSH connections on this port; 0 for a free one",
    commands: server,
  },
  "allow-socket": {
    ...path,
    many: true,
    default: "/var/run/docker.sock",
    group: "Relay server",
    help: "Unix socket that clients may connect to",
    commands: server,
  },
  "allow-tcp": {
    type: "string",
    many: true,
    placeholder: "HOST:PORT",
    group: "Relay server",
    help: "TCP address that clients may connect to; none unless given",
    commands: server,
  },
  "authorized-keys-path": {
    ...path,
    defaultNote: "~/.ssh/authorized_keys",
    group: "Relay server",
    help: "Keys that may sign in; relay takes the flag and has no use for it",
    commands: relays,
  },
  "authorized-key": {
    type: "string",
    many: true,
    placeholder: "LINE",
    group: "Relay server",
    help: "A further key that may sign in, as a line of authorized_keys",
    commands: server,
  },
  "max-connections": {
    type: "integer",
    default: "1000",
    min: 1,
    max: 100_000,
    placeholder: "N",
    group: "Relay server",
    help: "Connections relayed at the same time; one more is refused",
    commands: relays,
  },
  "connect-timeout": {
    ...seconds,
    default: "10s",
    min: 1,
    group: "Relay server",
    help: "How long a client may take to sign in, and a socket to answer",
    commands: relays,
  },
  "buffer-size": {
    type: "integer",
    min: 1024,
    max: 1_048_576,
    placeholder: "BYTES",
    defaultNote: "as the traffic needs, up to 262144",
    group: "Relay server",
    help: "The most that is read from a socket at once",
    commands: relays,
  },
  "watch-process-termination": {
    type: "boolean",
    default: "false",
    group: "Relay server",
    help: "End when the parent process does; with relay: have the server end with it",
    commands: relays,
  },
  "parent-process-pid": {
    type: "integer",
    min: -1,
    max: 4_294_967_295,
    placeholder: "PID",
    defaultNote: "the process that started it; inside WSL give one of Windows",
    group: "Relay server",
    help: "The parent process to watch",
    commands: server,
  },
  "poll-interval": {
    ...seconds,
    default: "2s",
    min: 100,
    group: "Relay server",
    help: "How often to look after the parent process",
    commands: relays,
  },
  "max-request-wait-time": {
    ...seconds,
    default: "5s",
    min: 100,
    group: "Relay server",
    help: "How long Windows may take to tell about the parent process",
    commands: relays,
  },
  "stop-on-stdin-end": {
    type: "boolean",
    default: "false",
    group: "Relay server",
    help: "End when standard input does; relay starts its server so",
    commands: server,
  },
  "named-pipe": {
    type: "listen",
    default: "npipe:////./pipe/container-desktop",
    placeholder: "ADDRESS",
    group: "Relay",
    help: "Where programs connect; on Linux and macOS a Unix socket: unix:///PATH",
    commands: relay,
  },
  "ssh-connection": {
    type: "host",
    placeholder: "ssh://USER@HOST:PORT",
    defaultNote: "ssh://127.0.0.1:20022 with --distribution",
    group: "Relay",
    help: "The SSH server to relay to",
    commands: relay,
  },
  "ssh-timeout": {
    ...seconds,
    default: "5s",
    min: 1,
    group: "Relay",
    help: "Give up an attempt to connect after this long",
    commands: relay,
  },
  "max-retries": {
    type: "integer",
    default: "5",
    min: 0,
    max: 1000,
    placeholder: "N",
    group: "Relay",
    help: "Further attempts in a row, to connect at first or to start the server",
    commands: relay,
  },
  distribution: {
    type: "string",
    placeholder: "NAME",
    group: "Relay",
    help: "Start the server inside this WSL distribution",
    commands: relay,
  },
  "relay-program-path": {
    type: "string",
    placeholder: "FILE",
    group: "Relay",
    help: "This program for Linux, as Windows or the distribution names it",
    commands: relay,
  },
  "secure-host-key": {
    type: "boolean",
    group: "Relay",
    help: "Check the server's host key; left out, it is checked unless on this machine",
    commands: relay,
  },
  "known-hosts-path": {
    ...path,
    defaultNote: "~/.ssh/known_hosts",
    group: "Relay",
    help: "File of trusted host keys; relay-server takes the flag and has no use for it",
    commands: relays,
  },
  "tid-path": {
    ...path,
    group: "Relay",
    help: "Write the process id here while running",
    commands: relay,
  },
  "identity-path": {
    ...path,
    defaultNote: "~/.ssh/id_rsa; if missing, relay-server makes a key in its state directory",
    group: "Keys",
    help: "Private key: to sign in with, to be known by, or to make",
    commands: ["relay-server", "relay", "keygen"],
  },
  "generate-key-pair": {
    type: "boolean",
    default: "false",
    group: "Keys",
    help: "Make a key pair and end, as keygen does",
    commands: ["relay-server", "relay", "keygen"],
  },
  type: {
    type: "choice",
    choices: KEY_KINDS,
    defaultNote: "ed25519; rsa of 4096 bits for a file named so, and for --generate-key-pair",
    group: "Keys",
    help: "Kind of key to make",
    commands: ["keygen"],
  },
  timeout: {
    ...duration,
    default: "10s",
    min: 1,
    group: "Behaviour",
    help: "Give up an attempt to connect after this long",
    commands: start,
  },
  "reconnect-wait": {
    ...duration,
    default: "10s",
    group: "Behaviour",
    help: "How long a request waits for a lost connection to come back",
    commands: start,
  },
  "shutdown-timeout": {
    ...duration,
    default: "10s",
    group: "Behaviour",
    help: "How long requests may take to finish after SIGTERM or Ctrl-C",
    commands: running,
  },
  "warm-connections": {
    type: "integer",
    default: "4",
    min: 0,
    max: 64,
    placeholder: "N",
    group: "Behaviour",
    help: "Idle connections to the engine kept open for the next requests",
    commands: start,
  },
  "log-level": {
    type: "choice",
    choices: LOG_LEVELS,
    default: "info",
    env: ["LOG_LEVEL"],
    group: "Logging",
    help: "The least important message still written",
    commands: all,
  },
  "log-format": {
    type: "choice",
    choices: LOG_FORMATS,
    defaultNote: "text on a terminal, json otherwise",
    group: "Logging",
    help: "The form of a message",
    commands: all,
  },
  dump: {
    type: "boolean",
    default: "false",
    group: "Logging",
    help: "Write each request and response to the log, secrets masked; sets log level debug",
    commands: start,
  },
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof OPTIONS;

/** Every value, typed after the table. */
export type Values = { readonly [N in OptionName]: ValueOf<typeof OPTIONS[N]> };

/** The names in the order of the table. */
export const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];

/** A row of the table, widened for code that treats all rows alike. */
export function specOf(name: OptionName): OptionSpec {
  return OPTIONS[name];
}

/** Values that only the environment may carry, because arguments and files are read by others. */
export const SECRETS = [
  { env: "RDA_SSH_PASSPHRASE", help: "Passphrase of an encrypted private key" },
] as const;
