/** The settings of `host-exec`, made from the values of the option table. */
import { AgentError } from "../../errors.ts";
import { formatHostPort } from "../../net/address.ts";
import type { EndpointSettings } from "../../transport/endpoint/dialer.ts";
import type { SshSettings } from "../../transport/ssh/settings.ts";
import type { EndpointWords } from "../../transport/endpoint/tls_error.ts";
import { parseRemoteDocker, parseServer } from "../../transport/url.ts";
import { OPTIONS_OF } from "./endpoint.ts";
import { identityOf } from "./identity.ts";
import { isFlag } from "../idle_flags.ts";
import type { Loaded } from "../load.ts";
import type { Values } from "../schema.ts";

const TLS_PORT = 443;
const PLAIN_PORT = 80;

const WORDS: EndpointWords = {
  peer: "server",
  address: "--server-addr",
  cert: "--cert",
  ca: "--ca",
  name: "set --sni to a name that the certificate has",
};

/** What to run, whichever way. */
export interface HostCommand {
  /** The program and its arguments, at least one. */
  readonly words: readonly string[];
  /** `NAME=VALUE`. */
  readonly envs: readonly string[];
  readonly tty: boolean;
  readonly cwd?: string;
}

/** How to get there. */
export type HostExecWay =
  | {
    readonly kind: "guest";
    readonly endpoint: EndpointSettings;
    /** The value of `Host`. */
    readonly host: string;
    readonly tokenFile?: string;
  }
  | { readonly kind: "ssh"; readonly ssh: SshSettings };

const GUEST_OPTIONS = ["cert", "key", "ca", "sni", "insecure", "token-file"] as const;

/** Throws `AgentError` of kind `usage`. */
export function hostExecWay(loaded: Loaded): HostExecWay {
  const { values, origins } = loaded;
  const address = values["server-addr"];
  const sshHost = values["ssh-host"];
  const idle = OPTIONS_OF.ssh.find((name) => isFlag(origins, name));
  if (address !== undefined && idle !== undefined) {
    throw new AgentError("usage", `Cannot use --server-addr together with --${idle}`, {
      hint: "give one of them",
    });
  }
  if (address !== undefined) return guestWay(loaded, address);
  const stray = GUEST_OPTIONS.find((name) =>
    origins[name].source !== "default" && values[name] !== false
  );
  if (stray !== undefined) {
    throw new AgentError("usage", `Cannot use --${stray} without --server-addr`, {
      hint: "give the address of the guest or gateway",
    });
  }
  if (sshHost !== undefined) return { kind: "ssh", ssh: sshSettings(values, sshHost) };
  throw new AgentError("usage", "Missing --server-addr, the guest that is to run the command", {
    hint: "or give --ssh-host for a host without a guest",
  });
}

function guestWay(loaded: Loaded, address: string): HostExecWay {
  const { values } = loaded;
  const { ca: caFile, "token-file": tokenFile, sni } = values;
  const tls = {
    ...identityOf(loaded, { cert: "cert", key: "key" }),
    ...(caFile !== undefined && { caFile }),
  };
  const usesTls = Object.keys(tls).length > 0;
  const { host, port = usesTls ? TLS_PORT : PLAIN_PORT } = parseServer(address);
  return {
    kind: "guest",
    endpoint: {
      host,
      port,
      serverName: sni ?? host,
      words: WORDS,
      timeoutMs: values.timeout,
      insecure: values.insecure,
      ...(usesTls && { tls }),
    },
    host: sni ?? formatHostPort(host, port),
    ...(tokenFile !== undefined && { tokenFile }),
  };
}

function sshSettings(values: Values, host: string): SshSettings {
  const { "ssh-user": user, "ssh-config": configFile } = values;
  const strict = values["ssh-strict-host-key-checking"];
  const knownHostsFiles = values["ssh-known-hosts"];
  return {
    host,
    keyFiles: values["ssh-key"],
    connectTimeoutMs: values.timeout,
    remoteDocker: parseRemoteDocker(values["remote-docker"]),
    ...(user !== undefined && { user }),
    ...(configFile !== undefined && { configFile }),
    ...(knownHostsFiles.length > 0 && { knownHostsFiles }),
    ...(strict !== undefined && { strictHostKeyChecking: strict }),
  };
}

/**
 * The command of a command line. A variable that is named without a value has the one it has here, and
 * is left out where it has none, as with `docker run -e`.
 */
export function hostCommand(
  words: readonly string[],
  { env, tty, workdir }: Pick<Values, "env" | "tty" | "workdir">,
  here: Readonly<Record<string, string>>,
): HostCommand {
  if (words[0] === "") {
    throw new AgentError("usage", "The command after -- is empty", {
      hint: "write the name of a program, such as -- ls -la",
    });
  }
  const envs = env.flatMap((text) => {
    if (text.startsWith("=")) {
      throw new AgentError("usage", `Invalid value "${text}" for --env`, {
        hint: "write NAME=VALUE or NAME",
      });
    }
    if (text.includes("=")) return [text];
    const value = here[text];
    return value === undefined ? [] : [`${text}=${value}`];
  });
  return { words, envs, tty, ...(workdir !== undefined && { cwd: workdir }) };
}
