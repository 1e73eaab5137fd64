/**
 * Hints that something below a local root may have changed. The kind of an event is not relied upon: it
 * means "look at this path again". Where the system cannot watch, there are no hints, and `onBlind`
 * says so: the caller has to look by itself now and then.
 */
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { isTemporary } from "../core/ignore.ts";
import { relativeTo } from "../core/path_map.ts";
import type { LocalTree } from "./tree.ts";

/** What a watcher tells. */
export interface LocalHints {
  onPath(path: string): void;
  /** Events were lost, or the root itself was touched: anything may have changed. */
  onAnything(): void;
  onBlind(): void;
}

/** Watches until `close`. `only`: a single name at the root matters. */
export function watchLocal(
  tree: LocalTree,
  only: string | undefined,
  hints: LocalHints,
  log: Logger,
): { close(): Promise<void> } {
  let watcher: Deno.FsWatcher;
  try {
    watcher = Deno.watchFs(tree.root, { recursive: only === undefined });
  } catch (error) {
    log.warn("Cannot watch a folder: it is looked through now and then instead", {
      folder: tree.root,
      error: messageOf(error),
    });
    hints.onBlind();
    return { close: () => Promise.resolve() };
  }
  const done = pump(watcher, tree, only, hints);
  return {
    async close() {
      try {
        watcher.close();
      } catch {
        // It ended by itself.
      }
      await done;
    },
  };
}

async function pump(
  watcher: Deno.FsWatcher,
  tree: LocalTree,
  only: string | undefined,
  hints: LocalHints,
): Promise<void> {
  try {
    for await (const event of watcher) {
      if (event.kind === "access") continue;
      if (event.flag === "rescan" || event.paths.length === 0) hints.onAnything();
      for (const absolute of event.paths) hint(absolute, tree, only, hints);
    }
  } catch {
    // The watcher is gone; the caller goes on without hints.
    hints.onBlind();
  }
}

function hint(absolute: string, tree: LocalTree, only: string | undefined, hints: LocalHints) {
  const path = relativeTo(tree.root, absolute, tree.platform);
  if (path === undefined || isTemporary(path)) return;
  if (path === "") hints.onAnything();
  else if (only === undefined || path === only) hints.onPath(path);
}
