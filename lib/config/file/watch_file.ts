/**
 * Tells when a file has changed. Editors put a new file in the place of the old one, and a file may be a
 * link into another directory; so directories are watched, and what is seen is only a hint to read.
 */
import { basename, dirname } from "node:path";
import { messageOf } from "../../errors.ts";
import { logger } from "../../log.ts";

/** A change is told of when no other has followed for so long. */
const QUIET_MS = 200;

/**
 * Calls `onChange` after each change of the file, also when it appears or vanishes, until the result is
 * called. Where a directory cannot be watched the log says so.
 */
export function watchFile(path: string, onChange: () => void): () => void {
  const places = new Set([path, realPath(path)]);
  const watchers = [...places].flatMap((place) => watchFolder(place, notice));
  let timer: ReturnType<typeof setTimeout> | undefined;
  function notice() {
    clearTimeout(timer);
    timer = setTimeout(onChange, QUIET_MS);
  }
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}

function watchFolder(path: string, notice: () => void): Deno.FsWatcher[] {
  try {
    const watcher = Deno.watchFs(dirname(path), { recursive: false });
    void follow(watcher, basename(path), notice);
    return [watcher];
  } catch (error) {
    tell(path, error);
    return [];
  }
}

async function follow(
  watcher: Deno.FsWatcher,
  name: string,
  notice: () => void,
): Promise<void> {
  try {
    for await (const { kind, paths } of watcher) {
      // Reading the file is an event as well.
      if (kind !== "access" && paths.some((path) => basename(path) === name)) notice();
    }
  } catch (error) {
    tell(name, error);
  }
}

function tell(path: string, error: unknown): void {
  logger("config").warn(`Changes of "${path}" are not noticed: ${messageOf(error)}`);
}

function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    // Not there yet, or not for us to see: reading it will tell.
    return path;
  }
}
