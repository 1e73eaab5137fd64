/**
 * The settings of the relay's commands, made from the values of the option table; and which of those
 * values go together. See `settings.ts`, which does the same for `start`.
 */
import { AgentError } from "../../errors.ts";
import { isLoopback } from "../../net/address.ts";
import { parsePort } from "../../net/port.ts";
import { type KeyKind, kindOfFile } from "../../relay/key_types.ts";
import type { Pauses } from "../../relay/pauses.ts";
import type { RelayOptions } from "../../relay/relay.ts";
import type { EndOptions, RelayServerOptions } from "../../relay/relay_server.ts";
import { parseRemoteDocker, parseSshHost, type SshHost } from "../../transport/url.ts";
import type { Loaded } from "../load.ts";
import { pathsOf, type Place, resolvePath, stateFolder } from "../paths.ts";
import type { Values } from "../schema.ts";

/** What the table calls the default port of the relay's SSH server. */
const DEFAULT_SSH_PORT = 20022;
/** The name of an earlier tool's key, used where it is there. */
const USUAL_KEY = "id_rsa";

/** What `keygen` is to make. */
export interface KeygenSettings {
  readonly path: string;
  readonly kind: KeyKind;
}

/** Whether a file is there; handed in, so that settings stay pure. */
export type Exists = (path: string) => boolean;

/** Throws `AgentError` of kind `usage` or `config`. */
export function relayServerSettings(
  { values, origins }: Loaded,
  place: Place,
  exists: Exists,
): RelayServerOptions {
  const bufferSize = values["buffer-size"];
  return {
    server: {
      host: values.host,
      port: values.port ?? DEFAULT_SSH_PORT,
      hostKeyFile: hostKeyFile(values, place, exists),
      keys: {
        file: values["authorized-keys-path"] ?? ownSshFile(place, "authorized_keys"),
        lines: values["authorized-key"],
      },
      doors: { sockets: values["allow-socket"], tcp: values["allow-tcp"].map(readTcp) },
      maxConnections: values["max-connections"],
      connectTimeoutMs: values["connect-timeout"],
      pauses: pauses(values, origins),
      ...(bufferSize === undefined ? {} : { maxRead: bufferSize }),
    },
    end: endOptions(values),
  };
}

/** The defaults are for HTTP, where silence means something; a relay has none. */
function pauses(values: Values, origins: Loaded["origins"]): Pauses {
  const bound = (name: "read-timeout" | "write-timeout") =>
    origins[name].source === "default" || values[name] === 0 ? undefined : values[name];
  const [readMs, writeMs] = [bound("read-timeout"), bound("write-timeout")];
  return {
    ...(readMs === undefined ? {} : { readMs }),
    ...(writeMs === undefined ? {} : { writeMs }),
  };
}

function endOptions(values: Values): EndOptions {
  const pid = values["parent-process-pid"];
  return {
    watchParent: values["watch-process-termination"],
    // An earlier tool wrote -1 for "not given".
    ...(pid === undefined || pid < 1 ? {} : { parentPid: pid }),
    pollIntervalMs: values["poll-interval"],
    maxWaitMs: values["max-request-wait-time"],
    onStdinEnd: values["stop-on-stdin-end"],
  };
}

function hostKeyFile(values: Values, place: Place, exists: Exists): string {
  const asked = values["identity-path"];
  if (asked !== undefined) return asked;
  const usual = ownSshFile(place, USUAL_KEY);
  if (usual !== undefined && exists(usual)) return usual;
  return pathsOf(place.platform).join(needed(stateFolder(place)), "relay", "host_ed25519");
}

/** A file among those of OpenSSH's clients; nothing if the home directory is not known. */
function ownSshFile(place: Place, name: string): string | undefined {
  return place.home === undefined ? undefined : resolvePath(`~/.ssh/${name}`, "/", place);
}

function needed(path: string | undefined): string {
  if (path !== undefined) return path;
  throw new AgentError("config", "Cannot find the home directory, where keys are kept", {
    hint: "name the files with --identity-path and --known-hosts-path",
  });
}

function readTcp(text: string): string {
  const match = /^(\[[^\]]+\]|[^:\s]+):(\d{1,5})$/.exec(text);
  const port = parsePort(match?.[2] ?? "", 1);
  if (match === null || port === undefined) {
    throw new AgentError("usage", `Invalid value "${text}" for --allow-tcp`, {
      hint: "write HOST:PORT, such as 127.0.0.1:2375",
    });
  }
  return `${(match[1] ?? "").replace(/^\[|\]$/g, "").toLowerCase()}:${port}`;
}

/** Throws `AgentError` of kind `usage` or `config`. */
export function relaySettings({ values, origins }: Loaded, place: Place): RelayOptions {
  const { distribution, "relay-program-path": program, "buffer-size": bufferSize } = values;
  const connection = sshConnection(values);
  if ((distribution === undefined) !== (program === undefined)) {
    const [given, missing] = distribution === undefined
      ? ["relay-program-path", "distribution"] as const
      : ["distribution", "relay-program-path"] as const;
    throw new AgentError("usage", `Missing --${missing}, which ${origins[given].where} needs`, {
      hint: "give both to have the server started inside WSL, or none",
    });
  }
  const tid = values["tid-path"];
  return {
    listen: values["named-pipe"],
    ssh: connection,
    sshTimeoutMs: values["ssh-timeout"],
    maxRetries: values["max-retries"],
    maxConnections: values["max-connections"],
    pauses: pauses(values, origins),
    identityFile: values["identity-path"] ?? needed(ownSshFile(place, USUAL_KEY)),
    ...(values["secure-host-key"] ?? !isLoopback(connection.host)
      ? { knownHostsFile: values["known-hosts-path"] ?? needed(ownSshFile(place, "known_hosts")) }
      : {}),
    remoteDocker: parseRemoteDocker(values["remote-docker"]),
    ...(distribution === undefined || program === undefined ? {} : {
      server: {
        distribution,
        program,
        watchParent: values["watch-process-termination"],
        pollIntervalMs: values["poll-interval"],
        maxWaitMs: values["max-request-wait-time"],
        ...(bufferSize === undefined ? {} : { bufferSize }),
      },
    }),
    ...(tid === undefined ? {} : { tidFile: tid }),
  };
}

function sshConnection(values: Values): SshHost & { port: number } {
  const text = values["ssh-connection"];
  if (text === undefined && values.distribution === undefined) {
    throw new AgentError("usage", "Missing --ssh-connection, the SSH server to relay to", {
      hint: "for example: --ssh-connection ssh://dev@127.0.0.1:20022",
    });
  }
  return { port: DEFAULT_SSH_PORT, ...parseSshHost(text ?? "127.0.0.1") };
}

/** `--generate-key-pair`, the form of an earlier tool, makes RSA keys unless told otherwise. */
export function keygenSettings({ values }: Loaded, place: Place): KeygenSettings {
  const earlier = values["generate-key-pair"];
  const usual = earlier ? USUAL_KEY : "id_ed25519";
  const path = values["identity-path"] ?? needed(ownSshFile(place, usual));
  return { path, kind: values.type ?? (earlier ? "rsa" : kindOfFile(path)) };
}
