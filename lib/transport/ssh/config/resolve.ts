/**
 * From what the user asked for to what is needed to connect: flags first, then `ssh_config`, then
 * the defaults of OpenSSH. Pure; files are read before (`file.ts`) and after (`ssh/client.ts`).
 */
import { join } from "node:path";
import { AgentError } from "../../../errors.ts";
import { parseSshHost, type SshHost } from "../../url.ts";
import type {
  IdentityFile,
  ResolvedSsh,
  SshEnv,
  SshSettings,
  StrictHostKeyChecking,
} from "../settings.ts";
import { type ConfigValues, evaluateConfig } from "./eval.ts";
import { resolveAgents } from "./resolve_agent.ts";
import { expandPath, expandTokens, type TokenValues } from "./tokens.ts";
import type { ConfigNode } from "./tree.ts";

const DEFAULT_PORT = 22;
const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_ALIVE_INTERVAL_MS = 5_000;
const DEFAULT_ALIVE_COUNT = 3;
const DEFAULT_KEYS = ["id_ed25519", "id_ecdsa", "id_rsa"] as const;
/** A longer chain is a loop in the configuration, or as good as one. */
const MAX_JUMPS = 8;

/** The settings of a host and of the hosts on the way to it, with what the user should know. */
export interface Resolution {
  host: ResolvedSsh;
  notes: readonly string[];
}

/**
 * Applies `config` and the defaults. As with ssh(1), user, port and keys given as flags are for the
 * host itself, not for jump hosts; known hosts, agent and time limits are for all of them. Throws
 * `AgentError` of kind `config`.
 */
export function resolveSsh(
  settings: SshSettings,
  config: readonly ConfigNode[],
  env: SshEnv,
): Resolution {
  const resolver = new Resolver(settings, config, env);
  return { host: resolver.target(), notes: resolver.notes };
}

class Resolver {
  readonly notes: string[] = [];
  readonly #settings: SshSettings;
  readonly #config: readonly ConfigNode[];
  readonly #env: SshEnv;

  constructor(settings: SshSettings, config: readonly ConfigNode[], env: SshEnv) {
    this.#settings = settings;
    this.#config = config;
    this.#env = env;
  }

  target(): ResolvedSsh {
    const { host, user, port, keyFiles } = this.#settings;
    const typed = parseSshHost(host);
    const asked = {
      ...typed,
      ...(user === undefined ? {} : { user }),
      ...(port === undefined ? {} : { port }),
    };
    const values = this.#evaluate(asked);
    const jumps = this.#jumps(jumpsOf(values, asked.host), [hopName(asked)]);
    return { ...this.#resolve(asked, values, keyFiles), jumps };
  }

  #evaluate(asked: SshHost): ConfigValues {
    const query = { host: asked.host, localUser: this.#env.user };
    const values = evaluateConfig(
      this.#config,
      asked.user === undefined ? query : { ...query, user: asked.user },
    );
    for (const note of values.notes) if (!this.notes.includes(note)) this.notes.push(note);
    return values;
  }

  /**
   * The last host listed is the nearest to the target; the first may have jump hosts of its own.
   */
  #jumps(hosts: readonly SshHost[], seen: readonly string[]): ResolvedSsh[] {
    const [first] = hosts;
    if (first === undefined) return [];
    const path = [...hosts.map(hopName), ...seen];
    if (path.length > MAX_JUMPS + 1 || hosts.some((host) => seen.includes(hopName(host)))) {
      throw new AgentError("config", `Jump hosts form a loop: ${path.join(" -> ")}`, {
        hint: 'set "ProxyJump none" for the host that is reached directly',
      });
    }
    const before = jumpsOf(this.#evaluate(first), first.host);
    return [
      ...this.#jumps(before, path),
      ...hosts.map((host) => this.#resolve(host, this.#evaluate(host), [])),
    ];
  }

  #resolve(asked: SshHost, values: ConfigValues, keyFiles: readonly string[]): ResolvedSsh {
    const tokens = tokenValues(asked, values, this.#env);
    const text = (key: string) => firstOf(values, key);
    const expand = (value: string) => expandTokens(value, tokens, this.#env);
    const alias = text("hostkeyalias");
    const settings = this.#settings;
    return {
      host: asked.host,
      hostName: tokens.hostName,
      port: tokens.port,
      user: tokens.user,
      identityFiles: this.#identityFiles(keyFiles, values, expand),
      identityAgents: resolveAgents(settings.agentSocket, text("identityagent"), expand, this.#env),
      identitiesOnly: isYes(text("identitiesonly")),
      ...this.#knownHosts(values, expand),
      ...(alias === undefined ? {} : { hostKeyAlias: alias }),
      hashKnownHosts: isYes(text("hashknownhosts")),
      strict: settings.strictHostKeyChecking ??
        strictness(text("stricthostkeychecking"), this.#env),
      serverAliveIntervalMs: milliseconds(values, "serveraliveinterval") ??
        DEFAULT_ALIVE_INTERVAL_MS,
      serverAliveCountMax: count(values, "serveralivecountmax") ?? DEFAULT_ALIVE_COUNT,
      connectTimeoutMs: settings.connectTimeoutMs ?? milliseconds(values, "connecttimeout") ??
        DEFAULT_TIMEOUT_MS,
      prompts: !isYes(text("batchmode")),
      remoteDocker: settings.remoteDocker,
      jumps: [],
    };
  }

  /** The default keys are offered only if none is configured, as in ssh(1). */
  #identityFiles(
    keyFiles: readonly string[],
    values: ConfigValues,
    expand: (value: string) => string,
  ): IdentityFile[] {
    const explicit = keyFiles.map((path) => ({
      path: expandPath(path, this.#env),
      explicit: true,
    }));
    const listed = values.all("identityfile");
    const configured = listed.filter((path) => path.toLowerCase() !== "none").map(expand);
    const defaults = explicit.length === 0 && listed.length === 0
      ? DEFAULT_KEYS.map((name) => join(this.#env.home, ".ssh", name))
      : [];
    const others = [...configured, ...defaults].map((path) => ({ path, explicit: false }));
    return [...explicit, ...others];
  }

  #knownHosts(
    values: ConfigValues,
    expand: (value: string) => string,
  ): Pick<ResolvedSsh, "userKnownHostsFiles" | "globalKnownHostsFiles"> {
    const { knownHostsFiles } = this.#settings;
    if (knownHostsFiles !== undefined) {
      const userKnownHostsFiles = knownHostsFiles.map((path) => expandPath(path, this.#env));
      return { userKnownHostsFiles, globalKnownHostsFiles: [] };
    }
    const files = (key: string, defaults: string[]) =>
      (values.first(key)?.map(expand) ?? defaults).filter((path) => path.toLowerCase() !== "none");
    const userDir = join(this.#env.home, ".ssh");
    const globalDir = this.#env.platform === "windows"
      ? join(this.#env.get("PROGRAMDATA") ?? "C:\\ProgramData", "ssh")
      : "/etc/ssh";
    return {
      userKnownHostsFiles: files("userknownhostsfile", [
        join(userDir, "known_hosts"),
        join(userDir, "known_hosts2"),
      ]),
      globalKnownHostsFiles: files("globalknownhostsfile", [
        join(globalDir, "ssh_known_hosts"),
        join(globalDir, "ssh_known_hosts2"),
      ]),
    };
  }
}

function hopName({ user, host, port }: SshHost): string {
  return `${user === undefined ? "" : `${user}@`}${host}${port === undefined ? "" : `:${port}`}`;
}

function tokenValues(asked: SshHost, values: ConfigValues, env: SshEnv): TokenValues {
  const name = firstOf(values, "hostname") ?? asked.host;
  return {
    originalHost: asked.host,
    hostName: name.replaceAll(/%([%h])/g, (_, letter) => letter === "h" ? asked.host : "%"),
    port: asked.port ?? portOf(values) ?? DEFAULT_PORT,
    user: asked.user ?? firstOf(values, "user") ?? env.user,
    hostKeyAlias: firstOf(values, "hostkeyalias"),
    proxyJump: firstOf(values, "proxyjump") ?? "",
  };
}

function jumpsOf(values: ConfigValues, host: string): SshHost[] {
  const command = values.first("proxycommand");
  if (command !== undefined && command[0]?.toLowerCase() !== "none") {
    throw new AgentError("config", `Cannot reach "${host}" by ProxyCommand: it is not supported`, {
      hint: "use ProxyJump, or name another file with --ssh-config",
    });
  }
  const text = firstOf(values, "proxyjump");
  if (text === undefined || text.toLowerCase() === "none") return [];
  return text.split(",").map((one) => parseSshHost(one));
}

function firstOf(values: ConfigValues, key: string): string | undefined {
  return values.first(key)?.[0];
}

function isYes(value: string | undefined): boolean {
  return value?.toLowerCase() === "yes" || value?.toLowerCase() === "true";
}

/** `ask` becomes what it would come to: a person is there and accepts, or nobody is. */
function strictness(value: string | undefined, env: SshEnv): StrictHostKeyChecking {
  switch (value?.toLowerCase()) {
    case "yes":
    case "true":
      return "yes";
    case "accept-new":
      return "accept-new";
    case "no":
    case "off":
    case "false":
      return "no";
    default:
      return env.interactive ? "accept-new" : "yes";
  }
}

function bad(key: string, value: string): AgentError {
  return new AgentError("config", `Invalid value "${value}" of "${key}" in the SSH configuration`);
}

function portOf(values: ConfigValues): number | undefined {
  const port = count(values, "port");
  if (port !== undefined && (port < 1 || port > 65535)) throw bad("port", String(port));
  return port;
}

function count(values: ConfigValues, key: string): number | undefined {
  const text = firstOf(values, key);
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw bad(key, text);
  return Number(text);
}

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  "": 1,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

/** sshd_config(5), TIME FORMATS; `none` is as if the option were absent. */
function milliseconds(values: ConfigValues, key: string): number | undefined {
  const text = firstOf(values, key)?.toLowerCase();
  if (text === undefined || text === "none") return undefined;
  if (!/^(\d{1,9}[smhdw]?)+$/.test(text)) throw bad(key, text);
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)([smhdw]?)/g)) {
    seconds += Number(amount) * (UNIT_SECONDS[unit ?? ""] ?? 1);
  }
  return seconds * 1000;
}
