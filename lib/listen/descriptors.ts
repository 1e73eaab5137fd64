/**
 * Keeps a server of `node:tls` from running out of file descriptors: on Deno it then never accepts again
 * and says nothing, so that anybody who opens enough connections, without a certificate even, would
 * have ended it (seen with 2.9.6). Deno itself raises the soft limit to the hard one at its start.
 */
import type { Logger } from "../log.ts";

/** Connections at the same time. */
export interface ConnectionBounds {
  /** In their TLS handshake; one descriptor each. */
  readonly handshakes: number;
  /** Beyond it; two descriptors each, with the connection that is opened for them. */
  readonly clients: number;
}

/** What the program itself holds open. */
const OWN = 64;

/** As many of what is wanted as the system's limit allows; says in the log when that is less. */
export function withinLimit(wanted: ConnectionBounds, log: Logger): ConnectionBounds {
  const limit = openFilesLimit();
  if (limit === undefined) return wanted;
  const bounds = fit(wanted, limit);
  if (bounds !== wanted) {
    const { clients } = bounds;
    log.warn(
      `The limit of ${limit} open files leaves room for ${clients} clients of ${wanted.clients}; ` +
        "raise it with ulimit -n, or LimitNOFILE= of systemd",
    );
  }
  return bounds;
}

/** Pure. Where there is too little, handshakes get at most a quarter of it. */
export function fit(wanted: ConnectionBounds, limit: number): ConnectionBounds {
  if (OWN + wanted.handshakes + 2 * wanted.clients <= limit) return wanted;
  const room = Math.max(limit - OWN, 4);
  const handshakes = Math.min(wanted.handshakes, Math.floor(room / 4));
  const clients = Math.min(wanted.clients, Math.floor((room - handshakes) / 2));
  return { handshakes, clients };
}

/** Nothing where the system does not tell it, or has none. */
function openFilesLimit(): number | undefined {
  try {
    const limits = Deno.readTextFileSync("/proc/self/limits");
    const found = /^Max open files +(\d+) /m.exec(limits)?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    // Not Linux.
    return undefined;
  }
}
