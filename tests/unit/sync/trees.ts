/** Trees in one line, for tables: `d/ d/f=1 x=2! l->t` (`!`: executable). */
import type { Entry } from "../../../lib/sync/core/entry.ts";
import { type Change, reconcile } from "../../../lib/sync/core/reconcile.ts";
import { sameEntry } from "../../../lib/sync/core/entry.ts";
import type { SyncMode } from "../../../lib/sync/types.ts";

export type Tree = Map<string, Entry>;

/** Reads the notation of the file comment. */
export function tree(text: string): Tree {
  return new Map(
    text.split(" ").filter((word) => word !== "").map((word): [string, Entry] => {
      if (word.endsWith("/")) {
        return [word.slice(0, -1), { kind: "dir", mode: 0o755, size: 0, content: "" }];
      }
      const link = word.split("->");
      if (link[1] !== undefined) {
        return [link[0] ?? "", { kind: "link", mode: 0, size: 0, content: link[1] }];
      }
      const [path = "", content = ""] = word.split("=");
      const mode = content.endsWith("!") ? 0o755 : 0o644;
      const bare = content.replace("!", "");
      return [path, { kind: "file", mode, size: bare.length, content: bare }];
    }),
  );
}

/** The inverse of {@link tree}, sorted. */
export function text(of: Tree): string {
  return [...of].sort(([a], [b]) => a < b ? -1 : 1).map(([path, entry]) => {
    if (entry.kind === "dir") return `${path}/`;
    if (entry.kind === "link") return `${path}->${entry.content}`;
    return `${path}=${entry.content}${entry.mode === 0o755 ? "!" : ""}`;
  }).join(" ");
}

/** Every path on which the three differ. */
export function changesOf(ancestor: Tree, local: Tree, remote: Tree): Change[] {
  const paths = new Set([...ancestor.keys(), ...local.keys(), ...remote.keys()]);
  return [...paths].map((path) => ({
    path,
    ancestor: ancestor.get(path),
    local: local.get(path),
    remote: remote.get(path),
  })).filter((c) => !sameEntry(c.local, c.ancestor) || !sameEntry(c.remote, c.ancestor));
}

/** The three trees and what was kept after one round of reconciling, carried out strictly. */
export function settle(ancestor: Tree, local: Tree, remote: Tree, mode: SyncMode) {
  const after = { local: new Map(local), remote: new Map(remote), ancestor: new Map(ancestor) };
  const kept: string[] = [];
  const actions = reconcile(changesOf(ancestor, local, remote), mode);
  for (const { path, keep } of actions) {
    const lost = remote.get(path);
    if (keep && lost !== undefined) kept.push(`${path}=${lost.content}`);
  }
  for (const { path, side } of actions.toReversed()) {
    if (side === "both") continue;
    after[side].delete(path);
  }
  for (const { path, side, entry } of actions) {
    if (side !== "both" && entry !== undefined) after[side].set(path, entry);
    if (entry === undefined) after.ancestor.delete(path);
    else after.ancestor.set(path, entry);
  }
  return { ...after, kept };
}
