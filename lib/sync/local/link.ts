/**
 * Symlinks of this machine and their targets, which are Unix paths everywhere else: in the index and on
 * the remote host. Windows wants to know whether a target is a directory, has backslashes, and lets not
 * everybody make links. Pure: the platform is handed in.
 */
import { posix, win32 } from "node:path";
import { messageOf } from "../../errors.ts";
import { nameOf, parentOf } from "../core/entry.ts";
import { type Platform, refusedName, relativeTo } from "../core/path_map.ts";

/** Windows adds this to the targets of directory junctions. */
const VERBATIM = /^\\\\[?.]\\(?=[A-Za-z]:\\)/;

/** ERROR_PRIVILEGE_NOT_HELD */
const NOT_ALLOWED = /\(os error 1314\)/;
/** EPERM as symlink(2) has it, ENOTSUP, EOPNOTSUPP; ERROR_INVALID_FUNCTION, ERROR_NOT_SUPPORTED. */
const NO_LINKS = /\(os error (?:1|45|50|95)\)/;

/** A link was made and is not there: some file systems take and lose them. */
export class LinkLost extends Error {}

/** What the other side is to have as the target of a link at `path` that leads to `target` here. */
export function targetElsewhere(
  target: string,
  path: string,
  root: string,
  platform: Platform,
): string {
  if (platform !== "windows") return target;
  const plain = target.replace(VERBATIM, "");
  if (!win32.isAbsolute(plain)) return plain.replaceAll("\\", "/");
  // A junction knows only absolute targets; elsewhere that path is nothing.
  const inside = relativeTo(root, plain, platform);
  return inside === undefined ? target : posix.relative(parentOf(path), inside) || ".";
}

/** A target as this machine writes it. */
export function targetHere(content: string, platform: Platform): string {
  return platform === "windows" ? content.replaceAll("/", "\\") : content;
}

/** Why this platform cannot have a link with such a target, or nothing if it can. */
export function refusedTarget(content: string, platform: Platform): string | undefined {
  if (platform !== "windows") return undefined;
  const isPath = content !== "" && !content.startsWith("/") &&
    content.split("/").every((name) =>
      name === "" || name === "." || name === ".." || refusedName(name, platform) === undefined
    );
  return isPath ? undefined : `its target "${content}" is no path on Windows`;
}

/** What a link is to be for Windows. `kindOf` tells of paths below the root that are known. */
export function linkType(
  path: string,
  content: string,
  kindOf: (path: string) => string | undefined,
): "dir" | "file" {
  const target = posix.join(parentOf(path), content).replace(/\/$/, "");
  const isFolder = target === "." || nameOf(target) === ".." || kindOf(target) === "dir";
  return isFolder ? "dir" : "file";
}

/** Why no link can be made where `error` came from; nothing if it tells of something else. */
export function linkObstacle(error: unknown): string | undefined {
  const text = messageOf(error);
  if (NOT_ALLOWED.test(text)) {
    return "Windows lets only administrators make links unless Developer Mode is on";
  }
  if (error instanceof LinkLost || NO_LINKS.test(text)) return "the file system here has no links";
  return undefined;
}
