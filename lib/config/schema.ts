/**
 * The one table of options. Flags, environment, configuration file, `--help` and the reference in
 * `docs/configuration.md` all come from it: an option is added here and nowhere else.
 */
import { LOG_FORMATS, LOG_LEVELS } from "../log.ts";
import type { OptionSpec, ValueOf } from "./option.ts";

/** The longest duration accepted: a day. Timers cannot count past 24.8 days. */
const MAX_DURATION_MS = 24 * 60 * 60 * 1000;
const duration = { type: "duration", placeholder: "DURATION", max: MAX_DURATION_MS } as const;
const path = { type: "path", placeholder: "FILE" } as const;
/** A service is installed with the options it is to be started with. */
const start = ["start", "service"] as const;

/** Every option, in the order of the help. */
export const OPTIONS = {
  config: {
    ...path,
    group: "General",
    none: true,
    inFile: false,
    defaultNote: "the user's own file, if there is one",
    help: 'Read settings from this YAML or JSON file, or from "none"',
    commands: start,
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
    commands: start,
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
    commands: start,
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
  "max-connections": {
    type: "integer",
    default: "1000",
    min: 0,
    max: 1_000_000,
    placeholder: "N",
    group: "Limits",
    help: "Client connections served at a time; 0 for any number",
    commands: start,
  },
  "queue-timeout": {
    ...duration,
    default: "10s",
    group: "Limits",
    help: "How long a further client waits for its turn before it is answered 503",
    commands: start,
  },
  "idle-timeout": {
    ...duration,
    default: "10m",
    group: "Limits",
    help: "Close a connection that asks for nothing for this long; 0s for never",
    commands: start,
  },
  "read-timeout": {
    ...duration,
    default: "5m",
    group: "Limits",
    help: "Refuse a request whose head or body comes to a halt for this long; 0s for never",
    commands: start,
  },
  "write-timeout": {
    ...duration,
    default: "0s",
    group: "Limits",
    help: "Close a connection whose client takes nothing for this long; 0s for never",
    commands: start,
  },
  "ops-listen": {
    type: "listen",
    many: true,
    placeholder: "ADDRESS",
    group: "Operations",
    help: "Show status page, /health, /ready, /metrics and /status on HOST:PORT or unix:///PATH",
    commands: start,
  },
  "health-check-enabled": {
    type: "boolean",
    default: "false",
    group: "Operations",
    help: "The same on the health check port of 127.0.0.1",
    commands: start,
  },
  "health-check-port": {
    type: "integer",
    default: "20080",
    min: 0,
    max: 65_535,
    placeholder: "PORT",
    group: "Operations",
    help: "The health check port; naming one enables it",
    commands: start,
  },
  "metrics-enabled": {
    type: "boolean",
    default: "false",
    group: "Operations",
    help: "The same on the metrics port of 127.0.0.1",
    commands: start,
  },
  "metrics-port": {
    type: "integer",
    default: "20090",
    min: 0,
    max: 65_535,
    placeholder: "PORT",
    group: "Operations",
    help: "The metrics port; naming one enables it",
    commands: start,
  },
  "log-level": {
    type: "choice",
    choices: LOG_LEVELS,
    default: "info",
    env: ["LOG_LEVEL"],
    group: "Logging",
    help: "The least important message still written",
    commands: start,
  },
  "log-format": {
    type: "choice",
    choices: LOG_FORMATS,
    defaultNote: "text on a terminal, json otherwise",
    group: "Logging",
    help: "The form of a message",
    commands: start,
  },
  dump: {
    type: "boolean",
    default: "false",
    group: "Logging",
    help: "Write each request and response to the log, secrets masked; sets log level debug",
    commands: start,
  },
  json: {
    type: "boolean",
    default: "false",
    inFile: false,
    group: "Status",
    help: "Write JSON: one object for each running program, one line each with --watch",
    commands: ["status"],
  },
  watch: {
    type: "boolean",
    default: "false",
    inFile: false,
    group: "Status",
    help: "Go on until interrupted, with a new picture every 2 seconds",
    commands: ["status"],
  },
  system: {
    type: "boolean",
    default: "false",
    inFile: false,
    group: "Service",
    help: "For the machine, in place of the user: started at boot, needs its administrator",
    commands: ["service"],
  },
  "dry-run": {
    type: "boolean",
    default: "false",
    inFile: false,
    group: "Service",
    help: "Show the file and the commands, and change nothing",
    commands: ["service"],
  },
  "service-name": {
    type: "string",
    default: "remote-docker-agent",
    inFile: false,
    placeholder: "NAME",
    group: "Service",
    help: "What the service is called; one machine can have several",
    commands: ["service"],
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
