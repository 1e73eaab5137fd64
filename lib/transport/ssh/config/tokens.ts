/** The `~`, `${NAME}` and `%x` of ssh_config(5), TOKENS and ENVIRONMENT VARIABLES. */
import { createHash } from "node:crypto";
import { AgentError } from "../../../errors.ts";
import type { SshEnv } from "../settings.ts";

/** What the tokens stand for, for one host. */
export interface TokenValues {
  /** `%n`: as typed. */
  originalHost: string;
  /** `%h` */
  hostName: string;
  /** `%p` */
  port: number;
  /** `%r` */
  user: string;
  /** `%k`: the alias, or the host as typed. */
  hostKeyAlias: string | undefined;
  /** `%j` */
  proxyJump: string;
}

/** A path with `~/` and environment variables put in. Throws `AgentError` of kind `config`. */
export function expandPath(path: string, env: SshEnv): string {
  const named = path.replaceAll(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = env.get(name);
    if (value !== undefined) return value;
    throw new AgentError("config", `Cannot expand "${path}": variable "${name}" is not set`);
  });
  if (named === "~") return env.home;
  return /^~[\\/]/.test(named) ? env.home + named.slice(1) : named;
}

/** A value with `~`, variables and tokens put in. Throws `AgentError` of kind `config`. */
export function expandTokens(text: string, values: TokenValues, env: SshEnv): string {
  const table = tokenTable(values, env);
  return expandPath(text, env).replaceAll(/%(.?)/g, (token, letter: string) => {
    const value = letter === "C" ? connectionHash(table) : table[letter];
    if (value !== undefined) return value;
    throw new AgentError("config", `Cannot expand "${text}": unknown token "${token}"`, {
      hint: "write %% for a percent sign",
    });
  });
}

/** `%C` */
function connectionHash(table: Readonly<Record<string, string>>): string {
  const text = ["l", "h", "p", "r", "j"].map((letter) => table[letter]).join("");
  return createHash("sha1").update(text).digest("hex");
}

function tokenTable(values: TokenValues, env: SshEnv): Readonly<Record<string, string>> {
  return {
    "%": "%",
    d: env.home,
    h: values.hostName,
    i: String(env.uid ?? ""),
    j: values.proxyJump,
    k: values.hostKeyAlias ?? values.originalHost,
    L: env.hostname.split(".")[0] ?? "",
    l: env.hostname,
    n: values.originalHost,
    p: String(values.port),
    r: values.user,
    u: env.user,
  };
}
