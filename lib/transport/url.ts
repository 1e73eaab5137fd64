/**
 * Reads the addresses a user types: where the engine listens on the remote host, and which SSH host or
 * server to go to. Pure; every error names the value and says what is accepted.
 */
import { AgentError } from "../errors.ts";
import { formatHostPort } from "../net/address.ts";
import { parsePort } from "../net/port.ts";
import type { Target } from "./transport.ts";

/** An SSH host as typed. Absent parts are filled from `~/.ssh/config`, then from the defaults. */
export interface SshHost {
  host: string;
  user?: string;
  port?: number;
}

const REMOTE_DOCKER_HINT =
  'use "unix:///var/run/docker.sock", "tcp://127.0.0.1:2375" or an absolute path';
/** Of a name in the DNS (RFC 1035, section 2.3.4), with room for a Host of an SSH configuration. */
const MAX_HOST_CHARS = 1024;
const SERVER_HINT = 'use "host", "host:443" or "[::1]:443"';
const SSH_HOST_HINT = 'use "host", "host:22", "user@host:22", "[::1]:22" or "ssh://user@host:22"';

/**
 * Where the engine listens, as seen from the remote host: `unix:///path`, `tcp://host:port` or a
 * bare absolute path. Throws `AgentError` of kind `config`.
 */
export function parseRemoteDocker(text: string): Exclude<Target, { kind: "docker" }> {
  const value = text.trim();
  const fail = (problem: string) =>
    new AgentError("config", `Invalid remote Docker address "${text}": ${problem}`, {
      hint: REMOTE_DOCKER_HINT,
    });
  if (value.startsWith("/")) return unixTarget(value, fail);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value);
  if (scheme === null) throw fail(value === "" ? "it is empty" : "it has no scheme");
  const rest = value.slice(scheme[0].length);
  switch (scheme[1]?.toLowerCase()) {
    case "unix":
      return unixTarget(rest, fail);
    case "tcp":
    case "http": {
      const { host, port } = splitHostPort(rest.replace(/\/$/, ""), fail);
      if (port === undefined) throw fail("the port is missing");
      return { kind: "tcp", host, port };
    }
    default:
      throw fail(`unknown scheme "${scheme[1]}"`);
  }
}

/** `unix:///path` or `tcp://host:port`, for messages. The opposite of {@link parseRemoteDocker}. */
export function formatTarget(target: Target): string {
  switch (target.kind) {
    case "docker":
      return "docker";
    case "unix":
      return `unix://${target.path}`;
    case "tcp":
      return `tcp://${formatHostPort(target.host, target.port)}`;
  }
}

/**
 * An SSH host: `host`, `host:22`, `user@host:22`, `[::1]:22`, `::1` or `ssh://user@host:22`. As in
 * ssh(1), the last `@` ends the user name. Throws `AgentError` of kind `config`.
 */
export function parseSshHost(text: string): SshHost {
  const fail = (problem: string) =>
    new AgentError("config", `Invalid SSH host "${text}": ${problem}`, { hint: SSH_HOST_HINT });
  let value = text.trim();
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value);
  if (scheme !== null) {
    if (scheme[1]?.toLowerCase() !== "ssh") throw fail(`unknown scheme "${scheme[1]}"`);
    value = value.slice(scheme[0].length).replace(/\/$/, "");
  }
  const at = value.lastIndexOf("@");
  const user = at < 0 ? undefined : value.slice(0, at);
  if (user === "") throw fail("the user name is empty");
  const { host, port } = splitHostPort(value.slice(at + 1), fail);
  // A leading dash would be an option to any ssh-like program the name is handed to.
  if (host.length > MAX_HOST_CHARS) throw fail("the host name is too long");
  if (host.startsWith("-") || /[\s/@[\]\p{Cc}]/u.test(host)) throw fail("bad host name");
  if (user !== undefined && /^-|[\s\p{Cc}]/u.test(user)) throw fail("bad user name");
  return {
    host,
    ...(user === undefined ? {} : { user: scheme === null ? user : decodeUser(user, fail) }),
    ...(port === undefined ? {} : { port }),
  };
}

/** A gateway or guest: `host` or `host:443`. Throws `AgentError` of kind `config`. */
export function parseServer(text: string): { host: string; port?: number } {
  const fail = (problem: string) =>
    new AgentError("config", `Invalid server "${text}": ${problem}`, { hint: SERVER_HINT });
  if (text.includes("://")) throw fail("it is a URL");
  if (text.includes("@")) throw fail("a server has no user");
  const server = splitHostPort(text.trim(), fail);
  if (server.host.length > MAX_HOST_CHARS) throw fail("the host name is too long");
  if (/[\s/?#[\]\p{Cc}]/u.test(server.host)) throw fail("bad host name");
  return server;
}

function decodeUser(user: string, fail: (problem: string) => AgentError): string {
  if (user.includes(":")) throw fail("a password in the URL is not accepted");
  try {
    return decodeURIComponent(user);
  } catch {
    throw fail("bad percent-encoding in the user name");
  }
}

function unixTarget(
  path: string,
  fail: (problem: string) => AgentError,
): Extract<Target, { kind: "unix" }> {
  if (!path.startsWith("/")) throw fail("the path is not absolute");
  if (path.length < 2 || path.includes("\0")) throw fail("the path is empty");
  return { kind: "unix", path };
}

function splitHostPort(
  text: string,
  fail: (problem: string) => AgentError,
): { host: string; port?: number } {
  const bracketed = /^\[([^\[\]]+)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) return withPort(bracketed[1] ?? "", bracketed[2], fail);
  const colons = text.split(":").length - 1;
  // Two colons and no brackets: an IPv6 address alone, as ssh(1) takes it.
  if (colons > 1) {
    if (!/^[\da-f:.]+(%.+)?$/i.test(text)) throw fail("more than one port");
    return withPort(text, undefined, fail);
  }
  const [host = "", port] = text.split(":");
  return withPort(host, port, fail);
}

function withPort(
  host: string,
  port: string | undefined,
  fail: (problem: string) => AgentError,
): { host: string; port?: number } {
  if (host === "") throw fail("the host is empty");
  if (port === undefined) return { host };
  const number = parsePort(port, 1);
  if (number === undefined) throw fail(`bad port "${port}"`);
  return { host, port: number };
}
