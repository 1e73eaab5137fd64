/**
 * What the engine tells about one path in the header `X-Docker-Container-Path-Stat`. The target of a link
 * is left out: the engine tells where it leads, not what it says. Pure.
 */
import { isObject, type Json, parseJson } from "../../docker/json_body.ts";

/** Bits of Go's `fs.FileMode`. */
const DIR = 0x80000000;
const LINK = 0x08000000;
const SPECIAL = 0x02000000 | 0x01000000 | 0x04000000 | 0x00200000;

/** See the file comment. */
export interface PathStat {
  readonly kind: "dir" | "file" | "link" | "other";
  readonly mode: number;
  readonly size: number;
  /** Whole seconds since the epoch. */
  readonly mtime: number;
}

/** Reads the header's base64; nothing for what is none. */
export function pathStat(header: string | undefined): PathStat | undefined {
  const value = decoded(header);
  if (!isObject(value)) return undefined;
  const { size, mode, mtime } = value;
  if (typeof mode !== "number" || typeof size !== "number" || typeof mtime !== "string") {
    return undefined;
  }
  return {
    kind: kindOf(mode),
    mode: mode & 0o777,
    size,
    mtime: Math.floor(Date.parse(mtime) / 1000),
  };
}

function kindOf(mode: number): PathStat["kind"] {
  if ((mode & DIR) !== 0) return "dir";
  if ((mode & LINK) !== 0) return "link";
  return (mode & SPECIAL) === 0 ? "file" : "other";
}

function decoded(header: string | undefined): Json | undefined {
  if (header === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(header), (char) => char.charCodeAt(0));
    return parseJson(bytes);
  } catch {
    return undefined; // nothing that an engine writes
  }
}
