/** Where tunnels lead, and which of them are allowed. Pure. */
import { formatHostPort } from "../net/address.ts";
import { parsePort } from "../net/port.ts";
import { refuse } from "./reply.ts";

/** The target of a tunnel. */
export type TunnelTarget =
  | { readonly kind: "tcp" | "udp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** Linux's `sun_path`, without the final zero. */
const MAX_SOCKET_PATH_BYTES = 107;
/** A name of the DNS has at most 253 characters; the port comes after it. */
const MAX_HOST_CHARS = 253 + 6;

/** Reads what follows `/tunnel/`, percent-encoded. Throws `ReplyError` 400. */
export function parseTunnelTarget(encoded: string): TunnelTarget {
  const text = percentDecoded(encoded, "the target of the tunnel");
  const match = /^(tcp|udp|unix):(.*)$/s.exec(text);
  // deno-lint-ignore no-control-regex
  if (match === null || /[\u0000-\u001f\u007f]/.test(text)) throw malformed();
  const rest = match[2] ?? "";
  if (match[1] === "unix") return { kind: "unix", path: readPath(rest) };
  return { kind: match[1] === "tcp" ? "tcp" : "udp", ...readHostPort(rest) };
}

function readPath(path: string): string {
  const odd = path.split("/").some((part, at) =>
    part === "." || part === ".." || (at > 0 && part === "")
  );
  if (!path.startsWith("/") || odd) {
    throw refuse(400, "the path of a socket is absolute and has no . or .. in it");
  }
  if (new TextEncoder().encode(path).length > MAX_SOCKET_PATH_BYTES) {
    throw refuse(400, "the path of a socket is too long");
  }
  return path;
}

function readHostPort(text: string): { host: string; port: number } {
  const match = /^(\[[0-9a-fA-F:.%]+\]|[^:[\]\s/]+):(\d{1,5})$/.exec(text);
  const port = parsePort(match?.[2] ?? "", 1);
  if (match === null || port === undefined) throw malformed();
  if (text.length > MAX_HOST_CHARS) throw refuse(400, "the name of the host is too long");
  return { host: (match[1] ?? "").replace(/^\[|\]$/g, ""), port };
}

/** Throws `ReplyError` 400 that says what cannot be read. */
export function percentDecoded(encoded: string, what: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch (cause) {
    throw refuse(400, `${what} is not percent-encoded UTF-8`, cause);
  }
}

function malformed() {
  return refuse(400, "a tunnel leads to tcp:HOST:PORT, udp:HOST:PORT or unix:/PATH");
}

/** As it is written in a pattern: `tcp:db:5432`, `udp:[::1]:53`, `unix:/run/docker.sock`. */
export function formatTunnelTarget(target: TunnelTarget): string {
  return target.kind === "unix"
    ? `unix:${target.path}`
    : `${target.kind}:${formatHostPort(target.host, target.port)}`;
}

/**
 * Whether one of `patterns` fits the target as it was asked for; names are not resolved. `*` stands for
 * any characters, in a path for those up to the next slash.
 */
export function isTunnelAllowed(target: TunnelTarget, patterns: readonly string[]): boolean {
  return fitsPattern(
    formatTunnelTarget(target),
    patterns,
    target.kind === "unix" ? "[^/]*" : ".*",
  );
}

/** Whether one of `patterns` is `text`, where `*` stands for what `any` matches; `*` alone fits all. */
export function fitsPattern(text: string, patterns: readonly string[], any: string): boolean {
  return patterns.some((pattern) => {
    if (pattern === "*") return true;
    const parts = pattern.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join(any)}$`, "i").test(text);
  });
}
