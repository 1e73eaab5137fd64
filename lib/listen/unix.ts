/**
 * Unix socket listeners. The socket is the user's alone (0600) from its first moment, because
 * whoever may connect rules the remote host. A socket that nobody serves any more is replaced, a
 * live one is refused, and anything else at the path is never touched.
 */
import { AgentError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { UnixAddress } from "../net/address.ts";
import { bindError, inUseError } from "./bind_error.ts";
import { denoListener } from "./deno_listener.ts";
import type { Listener } from "./listener.ts";

/** Longest `sun_path` without its final NUL, in bytes (unix(7); BSD's is shorter). */
const MAX_PATH = Deno.build.os === "linux" ? 107 : 103;
const SOCKET_MODE = 0o600;
/** How often a path may change hands while it is looked at. */
const MAX_LOOKS = 3;

/** A file, whatever its name is. */
interface FileId {
  dev: number;
  ino: number | null;
}

/** Listens on an absolute path. Throws `AgentError` of kind `listen`. */
export async function listenUnix(address: UnixAddress, log: Logger): Promise<Listener> {
  checkPlatform(address);
  const { path } = address;
  await clearStale(address, log);
  let listener: Deno.UnixListener;
  try {
    listener = bindPrivately(path);
  } catch (error) {
    throw bindError(address, error);
  }
  const ours = idOf(Deno.lstatSync(path));
  return denoListener(listener, {
    address,
    log,
    welcome: () => `unix:${path}`,
    release: () => release(listener, path, ours),
  });
}

function checkPlatform(address: UnixAddress): void {
  if (Deno.build.os === "windows") {
    throw new AgentError("listen", `Cannot listen on "${address.path}": no Unix sockets here`, {
      hint: 'use a named pipe, such as "npipe:////./pipe/docker_remote"',
    });
  }
  const bytes = new TextEncoder().encode(address.path).length;
  if (bytes > MAX_PATH) {
    throw new AgentError(
      "listen",
      `Cannot listen on "${address.path}": the path has ${bytes} bytes, the limit is ${MAX_PATH}`,
      { hint: "choose a shorter path" },
    );
  }
}

/**
 * The umask applies to the whole process, but nothing else runs on this thread before it is set
 * back, and what other threads create meanwhile is no more than private to the user.
 */
function bindPrivately(path: string): Deno.UnixListener {
  const mask = Deno.umask(0o077);
  try {
    const listener = Deno.listen({ transport: "unix", path });
    try {
      Deno.chmodSync(path, SOCKET_MODE);
    } catch (error) {
      listener.close();
      throw error;
    }
    return listener;
  } finally {
    Deno.umask(mask);
  }
}

/** Removes a socket nobody listens on; throws when the path cannot be had. */
async function clearStale(address: UnixAddress, log: Logger): Promise<void> {
  for (let look = 0; look < MAX_LOOKS; look++) {
    const found = lookAt(address);
    if (found === undefined) return;
    if (!found.isSocket) {
      throw new AgentError(
        "listen",
        `Cannot listen on "${address.path}": a file that is not a socket is there`,
        { hint: "move it away, or choose another path" },
      );
    }
    if (await isServed(address)) throw inUseError(address);
    // Another process may have found the same stale socket and put its own there by now.
    if (removeIfSame(address, idOf(found))) {
      log.info("Replaced a stale socket", { path: address.path });
      return;
    }
  }
  throw inUseError(address);
}

function lookAt(address: UnixAddress): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(address.path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw bindError(address, error);
  }
}

/** Connecting is the only way to tell a live socket from a stale one. */
async function isServed({ path }: UnixAddress): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    // Other failures (no permission, a full backlog, a datagram socket) leave it in doubt.
    return !(error instanceof Deno.errors.ConnectionRefused ||
      error instanceof Deno.errors.NotFound);
  }
}

function removeIfSame(address: UnixAddress, id: FileId): boolean {
  try {
    if (!isSame(Deno.lstatSync(address.path), id)) return false;
    Deno.removeSync(address.path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw bindError(address, error);
  }
}

/**
 * Closing a Unix listener makes Deno delete whatever is at its path. When that is no longer our
 * socket, it is moved out of the way for that moment.
 */
function release(listener: Deno.UnixListener, path: string, ours: FileId): void {
  const aside = isOurs(path, ours) ? undefined : moveAside(path);
  try {
    listener.close();
  } finally {
    if (aside !== undefined) Deno.renameSync(aside, path);
  }
}

function isOurs(path: string, ours: FileId): boolean {
  try {
    return isSame(Deno.lstatSync(path), ours);
  } catch {
    // Nothing there that could be looked at, so nothing to protect.
    return true;
  }
}

function moveAside(path: string): string | undefined {
  const aside = `${path}.${crypto.randomUUID().slice(0, 8)}`;
  try {
    Deno.renameSync(path, aside);
    return aside;
  } catch {
    // Who may not rename it may not delete it either.
    return undefined;
  }
}

function idOf({ dev, ino }: Deno.FileInfo): FileId {
  return { dev, ino };
}

function isSame(info: Deno.FileInfo, id: FileId): boolean {
  return info.dev === id.dev && info.ino === id.ino;
}
