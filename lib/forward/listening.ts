/**
 * What listens on the remote host, from one command there: the tables of the kernel
 * (`/proc/net/tcp`, proc(5)) and, for each container asked about, the sockets its processes hold,
 * where we may see them (as root, or as the user they run as). Pure but for the command's text.
 */
import { formatIp } from "../net/ip.ts";
import { posixCommand } from "../transport/posix_shell.ts";

/** A TCP socket that listens. */
export interface ListeningSocket {
  /** IPv4 or IPv6 address, in its shortest form. */
  readonly host: string;
  readonly port: number;
  readonly inode: string;
}

/** The answer of {@link listingCommand}. */
export interface Listing {
  readonly sockets: readonly ListeningSocket[];
  /** Inodes of the sockets of each container whose processes could all be looked into. */
  readonly inodes: ReadonlyMap<string, ReadonlySet<string>>;
}

/** `st` of a socket in the state TCP_LISTEN. */
const LISTEN = "0A";
const CONTAINER = "container ";
const DENIED = "denied";
const FULL_ID = /^[0-9a-f]{64}$/;

/**
 * Lists sockets, and those of the given containers (full ids). A container's processes are known by
 * its id in the name of their control group, which everybody may read.
 */
export function listingCommand(containers: readonly string[]): string {
  const ids = containers.filter((id) => FULL_ID.test(id));
  return posixCommand([
    "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null",
    `for c in ${ids.join(" ")}; do echo "${CONTAINER}$c"`,
    `for f in $(grep -lF "$c" /proc/[0-9]*/cgroup 2>/dev/null); do`,
    `l=$(ls -l "\${f%/cgroup}/fd" 2>/dev/null) || echo ${DENIED}`,
    `printf '%s\\n' "$l" | sed -n 's/.*socket:\\[\\([0-9]*\\)\\].*/\\1/p'; done; done; :`,
  ].join("\n"));
}

/** Reads what {@link listingCommand} printed. */
export function parseListing(output: string): Listing {
  const sockets: ListeningSocket[] = [];
  const inodes = new Map<string, Set<string>>();
  const denied = new Set<string>();
  let container: string | undefined;
  for (const line of output.split("\n")) {
    if (line.startsWith(CONTAINER)) container = line.slice(CONTAINER.length);
    else if (container === undefined) sockets.push(...parseRow(line));
    else if (line === DENIED) denied.add(container);
    else if (/^\d+$/.test(line)) addTo(inodes, container, line);
  }
  for (const id of denied) inodes.delete(id);
  return { sockets, inodes };
}

function addTo(inodes: Map<string, Set<string>>, container: string, inode: string): void {
  const set = inodes.get(container);
  if (set === undefined) inodes.set(container, new Set([inode]));
  else set.add(inode);
}

/** A row of `/proc/net/tcp`: `sl local_address rem_address st queues timer retrnsmt uid timeout inode`. */
function parseRow(line: string): ListeningSocket[] {
  const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
  const [, address = "", port = ""] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(local) ??
    [];
  if (state !== LISTEN || address === "" || inode === undefined) return [];
  return [{ host: parseAddress(address), port: parseInt(port, 16), inode }];
}

/** The kernel prints each 32-bit word of an address as a number of the machine: little-endian. */
function parseAddress(hex: string): string {
  const bytes =
    hex.match(/.{8}/g)?.flatMap((word) =>
      [6, 4, 2, 0].map((at) => parseInt(word.slice(at, at + 2), 16))
    ) ?? [];
  return formatIp(Uint8Array.from(bytes));
}

/**
 * Where a process on the remote host reaches a listening socket: loopback where it listens on all
 * addresses, of whichever family answers.
 */
export function reachableAt(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  // `localhost` leads to both families, and a socket on `::` may serve one or both.
  if (host === "::") return "localhost";
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(host);
  if (mapped === null) return host;
  const [high, low] = [parseInt(mapped[1] ?? "", 16), parseInt(mapped[2] ?? "", 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
