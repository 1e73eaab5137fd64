/**
 * Addresses a listener can have: the text a user writes, the parsed form, and the text that goes
 * into `DOCKER_HOST`. Pure: nothing is resolved, opened or read from the environment here.
 *
 * The accepted forms are those of `dockerd -H` (TCP, Unix socket, Windows named pipe) plus a plain
 * `HOST:PORT`.
 */
import { AgentError } from "../errors.ts";
import { parsePort } from "./port.ts";

/** Where to listen. */
export type ListenAddress = TcpAddress | UnixAddress | PipeAddress;

/** A TCP socket. Port 0 asks the system for a free one. */
export interface TcpAddress {
  kind: "tcp";
  /** An IP address without brackets, or a name. */
  host: string;
  port: number;
  /** Set when the text named no host, so that loopback was taken; the user should be told. */
  hostImplied?: true;
}

/** A Unix socket. The path is absolute, or begins with `~/` (see {@link expandHome}). */
export interface UnixAddress {
  kind: "unix";
  path: string;
}

/** A Windows named pipe, as Windows writes it: `\\.\pipe\name`. */
export interface PipeAddress {
  kind: "npipe";
  path: string;
}

/** The port `dockerd -H tcp://HOST` listens on. */
const DEFAULT_PORT = 2375;
const DEFAULT_HOST = "127.0.0.1";
const MAX_PIPE_NAME = 256;
/** A longer text is not repeated in a suggestion. */
const MAX_SUGGESTED = 80;

/** What clients come for, as far as it decides what is suggested for an address that is none. */
export interface ListenPurpose {
  /** The port of the examples. */
  readonly port: number;
  /** `tcp://HOST` alone means that port. */
  readonly isUsual?: true;
  /** The Unix socket of the examples; absent where there can be none. */
  readonly socket?: string;
}

const ENGINE: ListenPurpose = { port: DEFAULT_PORT, isUsual: true, socket: "/tmp/docker.sock" };

/**
 * Reads one `--listen` value, or one of another `purpose`. Throws `AgentError` of kind `config` with a
 * hint when it is not an address this program can listen on.
 */
export function parseListenAddress(text: string, purpose = ENGINE): ListenAddress {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text);
  if (scheme === null) return parsePlain(text, purpose);
  const rest = text.slice(scheme[0].length);
  switch (scheme[1]?.toLowerCase()) {
    case "tcp":
      return parseTcp(text, rest.replace(/\/$/, ""), purpose, purpose.isUsual && purpose.port);
    case "unix":
      return parseUnix(text, rest);
    case "npipe":
      return parsePipe(text, rest);
    case "http":
    case "https":
      throw invalid(text, `write "tcp://${rest.replace(/\/$/, "")}"`);
    default:
      throw invalid(
        text,
        purpose.socket === undefined ? examplesOf(purpose) : "the schemes are tcp, unix and npipe",
      );
  }
}

/** Replaces a leading `~/` of a Unix socket's path by the home directory. */
export function expandHome(address: ListenAddress, home: string | undefined): ListenAddress {
  if (address.kind !== "unix" || !address.path.startsWith("~/")) return address;
  if (home === undefined || home === "") {
    throw new AgentError("config", `Cannot find the home directory for "${address.path}"`, {
      hint: "write the path in full",
    });
  }
  return { kind: "unix", path: home.replace(/\/+$/, "") + address.path.slice(1) };
}

/** What to put into `DOCKER_HOST` to reach a listener at `address`. */
export function formatDockerHost(address: ListenAddress): string {
  switch (address.kind) {
    case "tcp":
      return `tcp://${formatHostPort(address.host, address.port)}`;
    case "unix":
      return `unix://${address.path}`;
    case "npipe":
      return `npipe://${address.path.replaceAll("\\", "/")}`;
  }
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Whether a host can only be reached from this machine: 127.0.0.0/8, ::1 (also as an IPv4-mapped
 * IPv6 address, with or without brackets) and the name `localhost` (RFC 6761, section 6.3).
 */
export function isLoopback(host: string): boolean {
  const bare = unbracket(host).toLowerCase().replace(/\.$/, "");
  if (bare === "localhost") return true;
  if (isIpv4(bare)) return bare.startsWith("127.");
  const v6 = canonicalIpv6(bare);
  // ::ffff:7fXX:XXXX is 127.0.0.0/8 mapped into IPv6 (RFC 4291, section 2.5.5.2).
  return v6 === "::1" || (v6 !== undefined && /^::ffff:7f[0-9a-f]{2}:/.test(v6));
}

/** Whether `host` is an IPv4 or IPv6 address (with or without brackets) rather than a name. */
export function isIpLiteral(host: string): boolean {
  return isIpv4(host) || canonicalIpv6(unbracket(host)) !== undefined;
}

function examplesOf({ port, socket }: ListenPurpose): string {
  const unix = socket === undefined ? "" : ` or "unix://${socket}"`;
  return `write an address such as "${DEFAULT_HOST}:${port}"${unix}`;
}

function parsePlain(text: string, purpose: ListenPurpose): ListenAddress {
  if (purpose.socket === undefined && /^[/~.\\]/.test(text)) {
    throw invalid(text, examplesOf(purpose));
  }
  if (text.startsWith("/") || text.startsWith("~") || text.startsWith("./")) {
    throw invalid(text, `write "unix://${text.replace(/^\.\//, "/path/to/")}" for a Unix socket`);
  }
  if (text.startsWith("\\\\")) {
    throw invalid(text, `write "npipe://${text.replaceAll("\\", "/")}" for a named pipe`);
  }
  if (/^\d+$/.test(text)) throw invalid(text, `write ":${text}" for a port`);
  return parseTcp(text, text, purpose);
}

function parseTcp(
  text: string,
  authority: string,
  purpose: ListenPurpose,
  defaultPort?: number,
): TcpAddress {
  const examples = examplesOf(purpose);
  const match = /^(\[[^\]]*\]|[^:[\]]*)(?::([^:]*))?$/.exec(authority);
  if (match === null) {
    const bareIpv6 = canonicalIpv6(authority) !== undefined;
    throw invalid(text, bareIpv6 ? `write "[${authority}]:${purpose.port}"` : examples);
  }
  const port = match[2] === undefined ? defaultPort : portOf(text, match[2]);
  if (authority === "" && defaultPort === undefined) throw invalid(text, examples);
  if (port === undefined) {
    const isShort = text.length <= MAX_SUGGESTED;
    throw invalid(text, isShort ? `add a port, such as "${text}:${purpose.port}"` : examples);
  }
  const host = match[1] ?? "";
  if (host === "") return { kind: "tcp", host: DEFAULT_HOST, port, hostImplied: true };
  if (!isHost(host)) throw invalid(text, examples);
  return { kind: "tcp", host: unbracket(host), port };
}

function portOf(text: string, digits: string): number {
  const port = parsePort(digits);
  if (port !== undefined) return port;
  throw invalid(text, "a port is a number from 0 to 65535");
}

const A_PIPE = '"npipe:////./pipe/docker_remote"';

function parseUnix(text: string, path: string): UnixAddress {
  if (/^[A-Za-z]:[\\/]/.test(path)) throw invalid(text, `on Windows use a named pipe: ${A_PIPE}`);
  const absolute = path.startsWith("/") || path.startsWith("~/");
  if (!absolute) throw invalid(text, 'write an absolute path, such as "unix:///tmp/docker.sock"');
  if (path.endsWith("/") || path.includes("\0")) {
    throw invalid(text, "name a file, not a directory");
  }
  return { kind: "unix", path };
}

/** `npipe:////./pipe/name`: what follows `npipe://` is `\\.\pipe\name` with either slash. */
function parsePipe(text: string, rest: string): PipeAddress {
  const path = rest.replaceAll("/", "\\");
  const name = /^\\\\\.\\pipe\\([^\\\0]+)$/i.exec(path)?.[1];
  if (name === undefined || name.length > MAX_PIPE_NAME) {
    throw invalid(text, 'write a pipe such as "npipe:////./pipe/docker_remote"');
  }
  return { kind: "npipe", path: `\\\\.\\pipe\\${name}` };
}

function isHost(host: string): boolean {
  if (host.startsWith("[")) return canonicalIpv6(unbracket(host)) !== undefined;
  if (isIpv4(host)) return true;
  // A name; one that ends in a number would be read as an odd IPv4 address by some resolvers.
  return host.length <= 253 && !/(^|\.)\d+$/.test(host) &&
    /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i.test(host);
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p) && Number(p) < 256);
}

/** The shortest form of an IPv6 address, or `undefined` when `text` is not one. */
function canonicalIpv6(text: string): string | undefined {
  if (!/^[0-9a-f:.]+$/i.test(text) || !text.includes(":")) return undefined;
  return URL.parse(`http://[${text}]`)?.hostname.slice(1, -1);
}

function unbracket(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

function invalid(text: string, hint: string): AgentError {
  return new AgentError("config", `Cannot listen on "${text}": not a valid address`, { hint });
}
