/**
 * Where a request is bound for, judged by its request target alone. Pure. A target that two programs
 * could read differently is refused before anything is looked up: what is allowed is decided here on
 * one reading of the path, and the engine or guest behind must not be able to have another one.
 */
import { apiPath } from "../docker/route.ts";

/** What a guest can do for a client; see docs/protocol.md. */
export const GUEST_RIGHTS = ["exec", "copy", "tunnel", "listen"] as const;
export type GuestRight = typeof GUEST_RIGHTS[number];

/** See the file comment. */
export type Destination =
  /** `path` is decoded and has no API version in front. */
  | { readonly kind: "engine"; readonly path: string }
  /** `info` is for whoever has any of the rights. */
  | { readonly kind: "guest"; readonly right: GuestRight | "info" }
  | { readonly kind: "unknown" }
  | { readonly kind: "refused"; readonly reason: string };

const GUEST_PREFIX = "/tinyscale";
const GUEST_ROUTES: readonly [RegExp, GuestRight | "info"][] = [
  [/^\/tinyscale\/v1\/host-exec\/command$/, "exec"],
  [/^\/tinyscale\/v1\/host-exec\/copy$/, "copy"],
  [/^\/tinyscale\/v1\/tunnel\/[^/]/, "tunnel"],
  [/^\/tinyscale\/v1\/listen\/[^/]/, "listen"],
  [/^\/tinyscale\/v1\/info$/, "info"],
];

/** Ordered, first match wins; each is tried on the path as it was sent. */
const FAULTS: readonly [RegExp, string][] = [
  [/^(?!\/)/, "The request target is not a path"],
  [/#/, "The path has a fragment"],
  [/\\/, "The path has a backslash"],
  [/%(?![0-9a-f]{2})/i, "The path has a malformed escape"],
  [/%2f|%5c/i, "The path has an encoded slash"],
  [/%2e/i, "The path has an encoded dot"],
  [/%25|%23|%3f/i, "The path has an encoded percent sign, number sign or question mark"],
  [/%[01][0-9a-f]|%7f/i, "The path has an encoded control character"],
  // RFC 3986, section 2.3: two spellings of one path, of which a program behind may know just one.
  [
    /%(2d|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])/i,
    "The path has an encoded letter or digit",
  ],
  [/\/\//, "The path has an empty segment"],
  [/\/\.{1,2}([/;]|$)/, "The path has a dot segment"],
];

/** Judges the target of a request. */
export function destinationOf(target: string): Destination {
  const [path = ""] = target.split("?", 1);
  const fault = FAULTS.find(([pattern]) => pattern.test(path));
  if (fault !== undefined) return { kind: "refused", reason: fault[1] };
  if (path.toLowerCase().startsWith(GUEST_PREFIX)) {
    const route = GUEST_ROUTES.find(([pattern]) => pattern.test(path));
    return route === undefined ? { kind: "unknown" } : { kind: "guest", right: route[1] };
  }
  const api = apiPath(path);
  if (api === undefined) return { kind: "refused", reason: "The path is not UTF-8" };
  return { kind: "engine", path: api.path };
}
