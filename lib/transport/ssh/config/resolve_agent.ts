/** Which SSH agents to ask, by the rules of IdentityAgent in ssh_config(5). */
import type { SshEnv } from "../settings.ts";

/** The pipe of the agent that comes with Windows. */
const WINDOWS_PIPE = "\\\\.\\pipe\\openssh-ssh-agent";
/** What ssh2 calls the agent of PuTTY, which has no socket. */
const PAGEANT = "pageant";

/** Sockets or pipes to ask, or `"pageant"`; empty for none. A flag outweighs the configuration. */
export function resolveAgents(
  flag: string | undefined,
  configured: string | undefined,
  expand: (value: string) => string,
  env: SshEnv,
): string[] {
  const value = flag ?? configured;
  if (value?.toLowerCase() === "none") return [];
  if (value === undefined || value === "SSH_AUTH_SOCK") return defaultAgents(env);
  if (value.toLowerCase() === PAGEANT) return env.platform === "windows" ? [PAGEANT] : [];
  if (!value.startsWith("$") || value.startsWith("${")) return [expand(value)];
  const named = env.get(value.slice(1));
  return named === undefined || named === "" ? [] : [named];
}

function defaultAgents(env: SshEnv): string[] {
  const socket = env.get("SSH_AUTH_SOCK");
  if (socket !== undefined && socket !== "") return [socket];
  return env.platform === "windows" ? [WINDOWS_PIPE, PAGEANT] : [];
}
