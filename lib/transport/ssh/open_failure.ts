/**
 * Why a channel could not be opened. sshd says no more than "open failed", so the cause is looked
 * up with one command on the remote host, where it runs commands for us.
 */
import { AgentError, messageOf } from "../../errors.ts";
import { posixCommand, shellQuote } from "../posix_shell.ts";
import type { Shell, Target } from "../transport.ts";
import { formatTarget } from "../url.ts";

/** RFC 4254 section 5.1. */
const ADMINISTRATIVELY_PROHIBITED = 1;
const PROBE_TIMEOUT_MS = 5_000;

/** What the remote shell found at the path of a socket. */
export interface SocketState {
  state: "missing" | "not-socket" | "denied" | "usable";
  /** Whether a process listens on it, where the system can tell. */
  listening: boolean | undefined;
  user: string;
  /** The group that owns the socket, or an empty string. */
  group: string;
}

/** The error for a refused channel: kind `engine`, with the cause and what to do about it. */
export async function openFailure(
  target: Exclude<Target, { kind: "docker" }>,
  error: unknown,
  host: string,
  shell: Shell,
): Promise<AgentError> {
  if (target.kind === "tcp") return tcpFailure(target, error, host);
  return socketFailure(target.path, await probe(target.path, shell), error, host);
}

function tcpFailure(target: Target, error: unknown, host: string): AgentError {
  const what = `Cannot reach ${formatTarget(target)} from ${host}`;
  if (reasonOf(error) === ADMINISTRATIVELY_PROHIBITED) {
    return forwardingRefused(what, "AllowTcpForwarding", error);
  }
  return new AgentError("engine", `${what}: ${plainMessage(error)}`, {
    cause: error,
    hint: "check the address, and that something listens there on the remote host",
  });
}

/** Exported for its table of messages. */
function socketFailure(
  path: string,
  found: SocketState | undefined,
  error: unknown,
  host: string,
): AgentError {
  const fail = (why: string, hint: string) =>
    new AgentError("engine", `Cannot open "${path}" on ${host}: ${why}`, { cause: error, hint });
  const checkPath = podmanHint(path) ??
    "check that Docker runs on the remote host, or name its socket with --remote-docker";
  switch (found?.state) {
    case "missing":
      return fail("no such socket", checkPath);
    case "not-socket":
      return fail("it is not a socket", checkPath);
    case "denied":
      return fail(`permission denied for user "${found.user}"`, permissionHint(path, found));
  }
  // sshd gives the same answer when forwarding is off and when the socket is dead.
  if (found?.listening === true || reasonOf(error) === ADMINISTRATIVELY_PROHIBITED) {
    const options = "AllowStreamLocalForwarding and AllowTcpForwarding";
    return forwardingRefused(`Cannot open "${path}" on ${host}`, options, error);
  }
  if (found?.listening === false) return fail("nothing listens on it", checkPath);
  return fail(plainMessage(error), `${checkPath}; the SSH server has to allow forwarding`);
}

/** How the socket of Podman comes to be there, by the units of its packages (podman.socket). */
function podmanHint(path: string): string | undefined {
  if (!/\/podman\.sock$/.test(path)) return undefined;
  const systemctl = path.startsWith("/run/user/") ? "systemctl --user" : "sudo systemctl";
  return `start it on the remote host: ${systemctl} enable --now podman.socket`;
}

function permissionHint(path: string, { user, group }: SocketState): string {
  if (podmanHint(path) !== undefined && (group === "" || group === "root")) {
    return "sign in as root, or use the socket of the user's own Podman, such as " +
      "--remote-docker unix:///run/user/1000/podman/podman.sock";
  }
  const name = group === "" || group === "root" ? "docker" : group;
  return `add the user to group ${name} on the remote host: sudo usermod -aG ${name} ${user}`;
}

function forwardingRefused(what: string, option: string, cause: unknown): AgentError {
  return new AgentError("engine", `${what}: the SSH server does not allow forwarding`, {
    cause,
    hint: `set ${option} yes (and no DisableForwarding) in sshd_config on the remote host`,
  });
}

function reasonOf(error: unknown): unknown {
  return (error as { reason?: unknown } | undefined)?.reason;
}

/** What the SSH server said, without ssh2's preamble. */
export function plainMessage(error: unknown): string {
  return messageOf(error).replace(/^\(SSH\) Channel open failure: /, "");
}

/**
 * Looks at the socket `$p`. In /proc/net/unix the flag 00010000 marks a listening socket, and the
 * path is the one it was bound to, so both names of it are looked for.
 */
const PROBE = [
  'echo "user=$(id -un)"',
  'echo "group=$(stat -Lc %G -- "$p" 2>/dev/null || stat -Lf %Sg -- "$p" 2>/dev/null)"',
  'if [ ! -e "$p" ]; then echo state=missing; elif [ ! -S "$p" ]; then echo state=not-socket',
  'elif [ -r "$p" ] && [ -w "$p" ]; then echo state=usable; else echo state=denied; fi',
  'u=/proc/net/unix; if [ -r "$u" ]; then l=no; r=$(readlink -f -- "$p" 2>/dev/null)',
  'while read -r a b c flags d e f name; do if [ "$flags" = 00010000 ]; then ' +
  'case $name in "$p" | "$r") l=yes;; esac; fi',
  'done <"$u"; echo "listening=$l"; fi',
].join("; ");

async function probe(path: string, shell: Shell): Promise<SocketState | undefined> {
  const command = posixCommand(`p=${shellQuote(path)}; ${PROBE}`);
  try {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    const { stdout } = await shell.run(command, { signal });
    return parseProbe(stdout);
  } catch {
    // The host runs no commands for us; what sshd said has to do.
    return undefined;
  }
}

const LISTENING: Readonly<Record<string, boolean>> = { yes: true, no: false };

function parseProbe(output: string): SocketState | undefined {
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, "m").exec(output)?.[1] ?? "";
  const state = value("state");
  const owner = { user: value("user"), group: value("group") };
  switch (state) {
    case "missing":
    case "not-socket":
    case "denied":
    case "usable":
      return { state, listening: LISTENING[value("listening")], ...owner };
    default:
      return undefined;
  }
}
