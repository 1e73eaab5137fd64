/**
 * Paths of this machine, paths of the remote host, and relative paths in between (`/` between names,
 * empty for the root itself). Pure: the platform is handed in.
 */
import { posix, win32 } from "node:path";

/** As `Deno.build.os` says. */
export type Platform = typeof Deno.build.os;

/**
 * A drive as clients for Windows write it, `/c/x` and `//c/x`; as WSL mounts it, `/mnt/c/x`; and as
 * Docker Desktop does, `/host_mnt/c/x` and `/run/desktop/mnt/host/c/x`.
 */
const DRIVE = /^\/(?:(?:mnt|host_mnt|run\/desktop\/mnt\/host)?\/)?([a-zA-Z])(?:\/(.*))?$/s;

/**
 * The source of a bind mount as a path of this machine: on Windows `C:\x`, `C:/x` and {@link DRIVE} are
 * the same folder. Elsewhere a source is what it says.
 */
export function localSource(source: string, platform: Platform): string {
  if (platform !== "windows") return posix.normalize(source);
  const drive = DRIVE.exec(source);
  if (drive === null) return win32.normalize(source);
  return win32.normalize(`${drive[1]?.toUpperCase()}:\\${drive[2] ?? ""}`);
}

/** Where a local path is below a root: empty for the root, nothing if it is elsewhere. */
export function relativeTo(root: string, path: string, platform: Platform): string | undefined {
  const paths = platform === "windows" ? win32 : posix;
  const relative = paths.relative(root, path);
  if (relative === ".." || relative.startsWith(`..${paths.sep}`)) return undefined;
  return paths.isAbsolute(relative) ? undefined : relative.replaceAll(paths.sep, "/");
}

/** The local path of a relative one. */
export function localPath(root: string, relative: string, platform: Platform): string {
  if (relative === "") return root;
  if (platform !== "windows") return root === "/" ? `/${relative}` : `${root}/${relative}`;
  return win32.join(root, relative.replaceAll("/", "\\"));
}

/** The remote path of a relative one. */
export function remotePath(root: string, relative: string): string {
  return relative === "" ? root : `${root}/${relative}`;
}

/** Whether a symlink at `path` leads out of the root. Absolute targets do. */
export function pointsOutside(path: string, target: string): boolean {
  if (target.startsWith("/") || /^[a-zA-Z]:[\\/]/.test(target)) return true;
  let depth = path.split("/").length - 1;
  for (const name of target.split("/")) {
    if (name === "..") depth -= 1;
    else if (name !== "" && name !== ".") depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

// Win32 refuses these in names, and drops dots and blanks at the end of one.
// deno-lint-ignore no-control-regex
const REFUSED_BY_WINDOWS = /[\u0000-\u001f<>:"\\|?*]|[. ]$/;
const RESERVED_BY_WINDOWS = /^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?$/i;

/** Why the platform cannot have a file of this name, or nothing if it can. */
export function refusedName(name: string, platform: Platform): string | undefined {
  if (platform !== "windows") return undefined;
  if (RESERVED_BY_WINDOWS.test(name)) return "Windows reserves this name";
  return REFUSED_BY_WINDOWS.test(name) ? "Windows refuses this name" : undefined;
}

/** Two names that are one to a file system which ignores case. */
export function foldCase(path: string): string {
  return path.normalize("NFC").toLowerCase();
}
