/**
 * Stamps (see `remote/stamp.ts`) of what an archive tells: whole seconds and no inode, but the content,
 * which passes by with every look. So a stamp says everything about its path. Pure.
 */

/** What a stamp is made of. */
export interface VolumeState {
  readonly kind: "dir" | "file" | "link";
  readonly mode: number;
  readonly size: number;
  /** Seconds since the epoch; their fraction does not count. */
  readonly mtime: number;
  /** SHA-256 (hex) of a file, target of a link. */
  readonly content: string;
}

/** The stamp of a path in this state. */
export function volumeStamp({ kind, mode, size, mtime, content }: VolumeState): string {
  const octal = (mode & 0o777).toString(8);
  if (kind === "file") return `h:${content} ${size} ${Math.floor(mtime)} 0 ${octal}`;
  if (kind === "link") return `l:${encodeURIComponent(content)} 0 0 0 777`;
  return `d 0 0 0 ${octal}`;
}
