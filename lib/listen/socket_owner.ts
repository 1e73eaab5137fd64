/**
 * Who holds an address that is in use, for error messages. Linux tells it in /proc (proc(5),
 * `/proc/net/tcp`, `/proc/net/unix`, `/proc/PID/fd`), as far as the user may look; elsewhere, and
 * where that fails, the answer is "another process". Reads only.
 */
import type { ListenAddress } from "../net/address.ts";

/** A machine can have very many processes and descriptors; looking has to end. */
const MAX_LINKS = 200_000;
const UNKNOWN = "another process";
/** `St` of a listening TCP socket (TCP_LISTEN), and the flag of a listening Unix one. */
const TCP_LISTEN = "0A";
const SO_ACCEPTCON = 0x10000;

/** Such as `pid 123 (dockerd)`, or `another process`. Never throws. */
export function ownerOf(address: ListenAddress): string {
  if (Deno.build.os !== "linux" || address.kind === "npipe") return UNKNOWN;
  try {
    const inodes = address.kind === "tcp" ? tcpInodes(address.port) : unixInodes(address.path);
    return inodes.size === 0 ? UNKNOWN : holderOf(inodes) ?? UNKNOWN;
  } catch {
    // No /proc, or not allowed to read it: the message can do without the name.
    return UNKNOWN;
  }
}

/** Columns: sl local_address rem_address st ... uid timeout inode. */
function tcpInodes(port: number): Set<string> {
  const hexPort = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of linesOf(table)) {
      const columns = line.trim().split(/\s+/);
      if (columns[1]?.endsWith(hexPort) && columns[3] === TCP_LISTEN) inodes.add(columns[9] ?? "");
    }
  }
  return inodes;
}

/** Columns: Num RefCount Protocol Flags Type St Inode Path. */
function unixInodes(path: string): Set<string> {
  const inodes = new Set<string>();
  for (const line of linesOf("/proc/net/unix")) {
    const match = /^\S+ \S+ \S+ ([0-9A-F]+) \S+ \S+ +(\d+) (.*)$/.exec(line);
    if (match === null || match[3] !== path) continue;
    if ((parseInt(match[1] ?? "", 16) & SO_ACCEPTCON) !== 0) inodes.add(match[2] ?? "");
  }
  return inodes;
}

function linesOf(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n");
  } catch (error) {
    // A kernel without IPv6 has no tcp6.
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function holderOf(inodes: Set<string>): string | undefined {
  const wanted = new Set([...inodes].map((inode) => `socket:[${inode}]`));
  let left = MAX_LINKS;
  for (const { name: pid } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    for (const link of descriptorsOf(pid)) {
      if (left-- <= 0) return undefined;
      if (wanted.has(link)) return `pid ${pid}${commandOf(pid)}`;
    }
  }
  return undefined;
}

function* descriptorsOf(pid: string): Generator<string> {
  try {
    for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
      yield Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
    }
  } catch {
    // Another user's process, or one that has just ended.
  }
}

/** The kernel cuts a command's name at 15 bytes; its first argument often has the whole. */
function commandOf(pid: string): string {
  try {
    const name = Deno.readTextFileSync(`/proc/${pid}/comm`).trim();
    const path = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0")[0] ?? "";
    const long = path.slice(path.lastIndexOf("/") + 1);
    return ` (${long.startsWith(name) ? long : name})`;
  } catch {
    // It has just ended; its number is still worth telling.
    return "";
  }
}
