/**
 * Where the server lets its clients through to: the Unix sockets and TCP addresses on its list, and
 * nothing else. Deciding is pure.
 */
import { posix } from "node:path";
import { denoConnDuplex } from "../net/deno_conn.ts";
import type { Duplex } from "../net/duplex.ts";
import { type AuthorizedKey, maySendTo } from "./authorized_keys.ts";

/** A place a client asks for. */
export type Door =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** What is on the list. */
export interface Doors {
  /** Absolute paths. */
  readonly sockets: readonly string[];
  /** `host:port`, an IPv6 address without brackets. */
  readonly tcp: readonly string[];
}

/** For messages. */
export function describeDoor(door: Door): string {
  return door.kind === "unix" ? door.path : `${door.host}:${door.port}`;
}

/** Why `key` may not go through `door`; `undefined` if it may. */
export function doorProblem(door: Door, doors: Doors, key: AuthorizedKey): string | undefined {
  if (!key.forwarding) return "its key may not open connections";
  if (door.kind === "unix") {
    if (door.path.includes("\0") || !posix.isAbsolute(door.path)) return "not an absolute path";
    const path = posix.normalize(door.path);
    return doors.sockets.some((one) => posix.normalize(one) === path)
      ? undefined
      : "not an allowed socket";
  }
  const { host, port } = door;
  if (!doors.tcp.includes(`${host.toLowerCase()}:${port}`)) return "not an allowed address";
  return maySendTo(key, host, port) ? undefined : "not permitted to its key";
}

/** Opens it; `maxRead` is the most that is read at once. The caller owns the stream. */
export async function openDoor(
  door: Door,
  maxRead: number | undefined,
  signal: AbortSignal,
): Promise<Duplex> {
  const connecting: Promise<Deno.Conn> = door.kind === "unix"
    ? Deno.connect({ transport: "unix", path: posix.normalize(door.path) })
    : Deno.connect({ hostname: door.host, port: door.port, signal });
  const conn = await bounded(connecting, signal);
  return denoConnDuplex(conn, maxRead);
}

/** A connection that comes after the abort is closed. */
async function bounded(connecting: Promise<Deno.Conn>, signal: AbortSignal): Promise<Deno.Conn> {
  const { promise, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(signal.reason);
  signal.addEventListener("abort", giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    return await Promise.race([connecting, promise]);
  } catch (error) {
    connecting.then((conn) => conn.close(), () => {}); // it failed as well, or was waited for
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
