/**
 * What a path holds, as far as synchronisation cares, and when two such things are the same. Pure.
 * A path is relative to the root, with `/` between names, and never empty.
 */

/** What can be synced. Sockets, devices and pipes cannot. */
export type EntryKind = "dir" | "file" | "link";

/** One path of one side. */
export interface Entry {
  readonly kind: EntryKind;
  /** Permission bits, 0 to 0o777; 0 for a link. */
  readonly mode: number;
  /** Bytes of a file, 0 otherwise. */
  readonly size: number;
  /** SHA-256 (hex) of a file, target of a link, empty for a directory; absent: not known yet. */
  readonly content?: string;
}

/** An entry together with what tells, without reading it, that it is still the same. */
export interface Seen {
  readonly entry: Entry;
  /** Opaque to all but the side that made it. */
  readonly stamp: string;
  /** It may change again without its stamp changing: the stamp is good for a check, not for later. */
  readonly racy?: boolean;
}

/** What both sides agreed on last, with the stamp it has on each; empty: has to be read again. */
export interface Agreed {
  readonly entry: Entry;
  readonly localStamp: string;
  readonly remoteStamp: string;
}

/** The stamp to remember. */
export function lastingStamp(seen: Seen | undefined): string {
  return seen === undefined || seen.racy === true ? "" : seen.stamp;
}

/** Whether both hold the same content, or both nothing. Unknown content equals nothing. */
export function sameContent(a: Entry | undefined, b: Entry | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.kind === b.kind && a.size === b.size && a.content !== undefined &&
    a.content === b.content;
}

/** Whether both are the same in every respect, or both nothing. */
export function sameEntry(a: Entry | undefined, b: Entry | undefined): boolean {
  return sameContent(a, b) && a?.mode === b?.mode;
}

/** The directory a path is in; empty for the root. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** The last name of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The directories above a path, nearest first, without the root. */
export function* parentsOf(path: string): Generator<string> {
  for (let at = parentOf(path); at !== ""; at = parentOf(at)) yield at;
}
