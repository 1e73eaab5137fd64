/** Reads the addresses of a gateway: its own, and those of engines and guests. Pure. */
import { parseListenAddress, type TcpAddress } from "../net/address.ts";
import type { IdentityFiles } from "../net/tls/files.ts";
import { parseRemoteDocker, parseSshHost } from "../transport/url.ts";
import type { Endpoint } from "./config.ts";

/** What else an endpoint may be given; only what its kind has a use for is looked at. */
export interface EndpointExtras {
  readonly identity?: IdentityFiles;
  readonly caFile?: string;
  readonly sshKey?: string;
  readonly sshKnownHosts?: string;
  readonly sshConfig?: string;
}

const CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/**
 * An engine: `unix:///path`, `tcp://host:port`, `tls://host:port`, `ssh://user@host`; a guest:
 * `http://host:port`, `https://host:port`, `unix:///path`. Throws plain errors.
 */
export function parseEndpoint(
  text: string,
  what: "engine" | "guest",
  extras: EndpointExtras,
): Endpoint {
  const scheme = /^([a-z]+):\/\//.exec(text)?.[1];
  switch (scheme) {
    case "unix": {
      const target = parseRemoteDocker(text);
      if (target.kind === "unix") return target;
      break;
    }
    case "ssh":
      if (what === "engine") return { kind: "ssh", settings: sshSettings(text, extras) };
      break;
    case "tcp":
    case "tls":
    case "http":
    case "https":
      return network(text, scheme, extras);
  }
  const forms = what === "engine"
    ? "unix:///PATH, tcp://HOST:PORT, tls://HOST:PORT or ssh://USER@HOST"
    : "http://HOST:PORT, https://HOST:PORT or unix:///PATH";
  throw new Error(
    `"${text}" is not the address of ${what === "engine" ? "an" : "a"} ${what}: ${forms}`,
  );
}

function network(
  text: string,
  scheme: "tcp" | "tls" | "http" | "https",
  { identity, caFile }: EndpointExtras,
): Endpoint {
  const url = URL.parse(text.replace(/^(tcp|tls):/, "http:"));
  const implied = scheme === "http" || scheme === "https" ? DEFAULT_PORTS[scheme] : undefined;
  // URL leaves out 80, which is the default of the scheme it was given.
  const port = Number(url?.port || (/:80\/?$/.test(text) ? 80 : implied));
  const rest = url === null ? "" : url.pathname + url.search + url.hash + url.username;
  if (url === null || rest !== "/" || !(port > 0)) {
    throw new Error(`"${text}" is not an address: write ${scheme}://HOST:PORT`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (scheme === "tcp" || scheme === "http") return { kind: "tcp", host, port };
  return {
    kind: "tls",
    host,
    port,
    ...(identity === undefined ? {} : { identity }),
    ...(caFile === undefined ? {} : { caFile }),
  };
}

/** A path after the host names the engine's socket there, as in docker's own `ssh://`. */
function sshSettings(text: string, { sshKey, sshKnownHosts, sshConfig }: EndpointExtras) {
  const [, authority = "", path = ""] = /^ssh:\/\/([^/]*)(\/.*)?$/.exec(text) ?? [];
  return {
    ...parseSshHost(`ssh://${authority}`),
    keyFiles: sshKey === undefined ? [] : [sshKey],
    ...(sshKnownHosts === undefined ? {} : { knownHostsFiles: [sshKnownHosts] }),
    ...(sshConfig === undefined ? {} : { configFile: sshConfig }),
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    remoteDocker: parseRemoteDocker(path === "" || path === "/" ? "/var/run/docker.sock" : path),
  };
}

/** The name of a host, in lower case; throws plain errors. */
export function parseHostName(text: string): string {
  const name = text.toLowerCase().replace(/\.$/, "");
  const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
  // A client does not send an IP address as the name of a server (RFC 6066, section 3).
  if (
    name.length <= 253 && name.split(".").every((part) => label.test(part)) && /[a-z]/.test(name)
  ) {
    return name;
  }
  throw new Error(`"${text}" is not a host name, such as "gpu.containers.example.net"`);
}

/** Where a gateway listens: `HOST:PORT`; throws plain errors and `AgentError`. */
export function parseTcpListen(text: string): TcpAddress {
  const address = parseListenAddress(text);
  if (address.kind !== "tcp") throw new Error(`"${text}" is not HOST:PORT`);
  return address;
}
