/**
 * URLs that say where to go through which server: `tstunnel://SERVER[:PORT]/tcp:HOST:PORT?cert=…` leads
 * to an address that the remote host reaches, `tstunnel://SERVER[:PORT]/PATH?…` to a folder there. With
 * `endpoint=HOST:PORT` the server's name is that of a host behind a gateway, and the gateway is at the
 * endpoint. Pure; each mistake has a line of its own.
 */
import { isIP } from "node:net";
import { AgentError } from "../../errors.ts";
import { formatHostPort } from "../../net/address.ts";
import { requirePair } from "./credentials.ts";
import type { TunnelTarget } from "../guest/link.ts";
import { URL_WORDS } from "./tls_error.ts";
import type { TstunnelSettings } from "./tstunnel.ts";
import { parseServer } from "../url.ts";

/** How the server is reached; file names are as they were written. */
export interface TunnelServer {
  readonly host: string;
  readonly port: number;
  readonly serverName: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly caFile?: string;
  readonly insecure: boolean;
}

const SCHEME = "tstunnel://";
const MAX_LENGTH = 4096;
const TLS_PORT = 443;
const PLAIN_PORT = 80;
const PARAMETERS = ["cert", "key", "ca", "insecure", "endpoint"] as const;
type Parameter = typeof PARAMETERS[number];
const TUNNEL_HINT =
  "write a URL such as tstunnel://server:443/tcp:localhost:8080?cert=client.crt&key=client.key";
const FOLDER_HINT = "write a URL such as tstunnel://server:443/app?cert=client.crt&key=client.key";

type Fail = (problem: string) => AgentError;

/** Whether `text` is meant as such a URL. */
export function isTunnelUrl(text: string): boolean {
  return text.toLowerCase().startsWith(SCHEME);
}

/** Reads a URL that leads to an address. Throws `AgentError` of kind `usage`. */
export function parseTunnelUrl(text: string): { server: TunnelServer; target: TunnelTarget } {
  const fail: Fail = (problem) => invalid(text, problem, TUNNEL_HINT);
  const { server, path } = parse(text, fail);
  return { server, target: parseTarget(path, fail) };
}

/** Reads a URL that leads to a folder. Throws `AgentError` of kind `usage`. */
export function parseFolderUrl(text: string): { server: TunnelServer; path: string } {
  const fail: Fail = (problem) => invalid(text, problem, FOLDER_HINT);
  const { server, path } = parse(text, fail);
  if (path === "") throw fail("the folder is missing");
  if (/^(tcp|udp|unix):/.test(path)) throw fail("it leads to an address, not to a folder");
  return { server, path: `/${path}` };
}

/** The settings of a transport; `resolve` makes file names absolute. */
export function settingsOf(
  server: TunnelServer,
  resolve: (file: string) => string,
): TstunnelSettings {
  const { host, port, serverName, insecure } = server;
  return {
    host,
    port,
    serverName,
    insecure,
    words: URL_WORDS,
    ...(usesTls(server) ? { tls: filesOf(server, resolve) } : {}),
  };
}

function filesOf({ certFile, keyFile, caFile }: TunnelServer, resolve: (file: string) => string) {
  return {
    ...(certFile === undefined ? {} : { certFile: resolve(certFile) }),
    ...(keyFile === undefined ? {} : { keyFile: resolve(keyFile) }),
    ...(caFile === undefined ? {} : { caFile: resolve(caFile) }),
  };
}

function usesTls(files: Pick<TunnelServer, "certFile" | "caFile">): boolean {
  return files.certFile !== undefined || files.caFile !== undefined;
}

function invalid(text: string, problem: string, hint: string): AgentError {
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return new AgentError("usage", `Invalid URL ${JSON.stringify(shown)}: ${problem}`, { hint });
}

function parse(text: string, fail: Fail): { server: TunnelServer; path: string } {
  if (text.length > MAX_LENGTH) throw fail(`longer than ${MAX_LENGTH} characters`);
  if (!isTunnelUrl(text)) throw fail(`it does not begin with ${SCHEME}`);
  const [, authority = "", slash, path = "", query = ""] =
    /^([^/?#]*)(\/)?([^?#]*)(?:\?([^#]*))?$/.exec(text.slice(SCHEME.length)) ?? [];
  if (text.includes("#")) throw fail('"#" has to be written as %23');
  if (authority === "") throw fail("the server is missing");
  if (slash === undefined) throw fail("what it leads to is missing");
  return { server: serverOf(authority, parameters(query, fail), fail), path: decode(path, fail) };
}

function parameters(query: string, fail: Fail): Partial<Record<Parameter, string>> {
  const found: Partial<Record<Parameter, string>> = {};
  for (const part of query.split("&").filter((each) => each !== "")) {
    const at = part.indexOf("=");
    const name = decode(at < 0 ? part : part.slice(0, at), fail);
    const known = PARAMETERS.find((each) => each === name);
    if (known === undefined) {
      throw fail(`unknown parameter "${name}", there are ${PARAMETERS.join(", ")}`);
    }
    if (found[known] !== undefined) throw fail(`"${name}" is there twice`);
    const value = at < 0 ? "" : decode(part.slice(at + 1), fail);
    if (value !== "") found[known] = value;
    else if (known === "insecure" && at < 0) found[known] = "true";
  }
  return found;
}

function serverOf(
  authority: string,
  { cert, key, ca, insecure, endpoint }: Partial<Record<Parameter, string>>,
  fail: Fail,
): TunnelServer {
  const files = {
    ...(cert === undefined ? {} : { certFile: cert }),
    ...(key === undefined ? {} : { keyFile: key }),
    ...(ca === undefined ? {} : { caFile: ca }),
  };
  requirePair(files, { cert: "cert= in the URL", key: "key= in the URL" });
  const defaultPort = usesTls(files) ? TLS_PORT : PLAIN_PORT;
  const named = readServer(withZone(authority), fail);
  const rest = { ...files, insecure: insecure !== undefined && readBoolean(insecure, fail) };
  if (endpoint === undefined) {
    const { host, port = defaultPort } = named;
    return { host, port, serverName: host, ...rest };
  }
  if (named.port !== undefined) throw fail("with endpoint= the host has no port");
  const { host, port = defaultPort } = readServer(endpoint, fail);
  return { host, port, serverName: hostName(named.host, host), ...rest };
}

/** An IPv6 address with its zone, whose `%` a URL has as `%25` (RFC 6874, section 2). */
function withZone(authority: string): string {
  return authority.replace(/^(\[[^\]%]*)%25/, "$1%");
}

/** A bare host id is a name below that of the gateway. */
function hostName(id: string, gateway: string): string {
  return id.includes(".") || id.includes(":") || isIP(gateway) !== 0 ? id : `${id}.${gateway}`;
}

function readServer(text: string, fail: Fail): { host: string; port?: number } {
  try {
    return parseServer(text);
  } catch (error) {
    const [, problem = "bad server"] = /: ([^:]*)$/.exec(String(error)) ?? [];
    throw fail(`${problem} in "${text}"`);
  }
}

function readBoolean(text: string, fail: Fail): boolean {
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  throw fail('"insecure" is true or false');
}

function parseTarget(path: string, fail: Fail): TunnelTarget {
  const [, kind, rest = ""] = /^(tcp|udp|unix):(.*)$/s.exec(path) ?? [];
  if (kind === "unix") {
    if (!/^\/[^\0]+$/.test(rest)) {
      throw fail("a socket has an absolute path, as in unix:/run/x.sock");
    }
    return { kind, path: rest };
  }
  if (kind !== "tcp" && kind !== "udp") {
    throw fail(
      path === ""
        ? "what it leads to is missing"
        : "it leads to no tcp:HOST:PORT, udp:HOST:PORT or unix:/PATH",
    );
  }
  const { host, port } = readServer(rest, fail);
  if (port === undefined) throw fail(`the port is missing in "${rest}"`);
  return { kind, host, port };
}

function decode(text: string, fail: Fail): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw fail(`bad percent-encoding in "${text}"`);
  }
  if (/\p{Cc}/u.test(decoded)) throw fail("it contains a control character");
  return decoded;
}

/** Where a tunnel leads, as its URL says it. */
export function formatTunnelTarget(target: TunnelTarget): string {
  return target.kind === "unix"
    ? `unix:${target.path}`
    : `${target.kind}:${formatHostPort(target.host, target.port)}`;
}
