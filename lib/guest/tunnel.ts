/** `tunnel/…`: joins a client to a socket that this machine can reach. */
import { errorCode, messageOf } from "../errors.ts";
import { denoConnDuplex } from "../net/deno_conn.ts";
import type { Duplex } from "../net/duplex.ts";
import { formatHostPort } from "../net/address.ts";
import type { Exchange, Handler } from "./exchange.ts";
import { type GuestLimits, Places } from "./limits.ts";
import { pipeWhileUsed } from "./pipe_while_used.ts";
import { refuse } from "./reply.ts";
import {
  formatTunnelTarget,
  isTunnelAllowed,
  parseTunnelTarget,
  type TunnelTarget,
} from "./tunnel_target.ts";
import { openDatagrams } from "./udp_tunnel.ts";

/** What tunnels need. */
export interface TunnelsOptions {
  readonly limits: GuestLimits;
  /** See {@link isTunnelAllowed}. */
  readonly allowed: readonly string[];
}

/** Where tunnels are asked for. */
export const TUNNEL_PREFIX = "/tinyscale/v1/tunnel/";

/** The tunnels of one guest. */
export function tunnels({ limits, allowed }: TunnelsOptions): Handler {
  const places = new Places(limits.maxTunnels, "places for tunnels");
  return async (exchange) => {
    const encoded = exchange.head.target.split("?", 1)[0]?.slice(TUNNEL_PREFIX.length) ?? "";
    const target = parseTunnelTarget(encoded);
    exchange.note({ target: formatTunnelTarget(target) });
    askedToUpgrade(exchange);
    if (!isTunnelAllowed(target, allowed)) {
      throw refuse(403, `a tunnel to ${formatTunnelTarget(target)} is not allowed`);
    }
    const leave = places.take();
    if (leave === undefined) throw refuse(503, places.refusal);
    try {
      const far = await connect(target, limits, exchange.stopped);
      const near = await exchange.upgrade().catch((error) => {
        far.close();
        throw error;
      });
      await pipeWhileUsed(near, far, exchange);
    } finally {
      leave();
    }
    return undefined;
  };
}

/** Throws `ReplyError` for a request that is not for a stream, or has a body. */
export function askedToUpgrade({ head, length }: Exchange): void {
  if (!head.headers.hasToken("Upgrade", "tcp")) {
    throw refuse(426, "ask for an upgrade: Connection: Upgrade, Upgrade: tcp");
  }
  if (length !== "none" && length !== 0) throw refuse(400, "a stream is asked for without a body");
}

async function connect(
  target: TunnelTarget,
  limits: GuestLimits,
  stopped: AbortSignal,
): Promise<Duplex> {
  const late = AbortSignal.timeout(limits.connectMs);
  try {
    if (target.kind === "udp") return await openDatagrams(target, limits.udpIdleMs);
    if (target.kind === "unix") {
      return denoConnDuplex(await Deno.connect({ transport: "unix", path: target.path }));
    }
    const signal = AbortSignal.any([late, stopped]);
    const conn = await Deno.connect({ hostname: target.host, port: target.port, signal });
    conn.setNoDelay(true);
    return denoConnDuplex(conn);
  } catch (error) {
    const why = late.aborted ? "i/o timeout" : reasonOf(error);
    throw refuse(statusOf(target, error), `dial ${dialText(target)}: ${why}`, error);
  }
}

/** Go's names for what it dials. */
function dialText(target: TunnelTarget): string {
  return target.kind === "unix"
    ? `unix ${target.path}`
    : `${target.kind} ${formatHostPort(target.host, target.port)}`;
}

function statusOf(target: TunnelTarget, error: unknown): number {
  if (target.kind !== "unix") return 502;
  if (error instanceof Deno.errors.NotFound) return 404;
  return error instanceof Deno.errors.PermissionDenied ? 403 : 502;
}

function reasonOf(error: unknown): string {
  const known = REASONS[errorCode(error)];
  if (known !== undefined) return `connect: ${known}`;
  if (error instanceof Deno.errors.ConnectionRefused) return `connect: ${REASONS["ECONNREFUSED"]}`;
  if (error instanceof Deno.errors.NotFound) return `connect: ${REASONS["ENOENT"]}`;
  if (error instanceof Deno.errors.PermissionDenied) return `connect: ${REASONS["EACCES"]}`;
  const text = messageOf(error);
  return /ENOTFOUND|EAI_|lookup|resolve|nodename|not known/i.test(text) ? "no such host" : text;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  ENETUNREACH: "network is unreachable",
  EHOSTUNREACH: "no route to host",
  ETIMEDOUT: "connection timed out",
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  ENOTSOCK: "socket operation on non-socket",
};
