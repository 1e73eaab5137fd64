/**
 * What a killed agent leaves behind: files it was writing in synced folders, and in the directory of a
 * session. The remote side is cleared when it is opened (`remote/root.ts`).
 */
import { join } from "node:path";
import process from "node:process";
import { writerOf } from "./core/ignore.ts";
import { statOrNothing } from "./local/tree.ts";
import { conflictsIn, isCompleteConflict } from "./conflict_store.ts";

/** Temporary files of processes that seem to live, but do not write, are nobody's after this. */
const ABANDONED_MS = 10 * 60 * 1000;
/** Another agent, which does not hold the lock, may write so long to the state of a session. */
const WRITING_MS = 60_000;
const STARTED = Date.now() - performance.now();

/** Whether nobody writes a temporary file any more. `path` is absolute. */
export function isAbandoned(path: string): boolean {
  const changed = statOrNothing(path)?.ctime?.getTime();
  if (changed === undefined) return false;
  if (changed < Date.now() - ABANDONED_MS) return true;
  const writer = writerOf(path.replaceAll("\\", "/"));
  // In a container the next agent may well have the number of the one before.
  if (writer === Deno.pid) return changed < STARTED - 1_000;
  return writer !== undefined && !isAlive(writer);
}

/** A process of somebody else cannot be asked, but is there. Windows has no harmless question. */
function isAlive(pid: number): boolean {
  if (Deno.build.os === "windows") return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

/** Clears a session's directory of what nobody can be writing any more. */
export function tidyState(directory: string): void {
  const isOld = (path: string) => {
    const changed = statOrNothing(path)?.mtime?.getTime() ?? Date.now();
    return changed < Date.now() - WRITING_MS;
  };
  for (const { name, isFile } of Deno.readDirSync(directory)) {
    const path = join(directory, name);
    if (isFile && name.endsWith(".tmp") && isOld(path)) Deno.removeSync(path);
  }
  for (const conflict of conflictsIn(directory)) {
    if (isCompleteConflict(conflict) || !isOld(conflict)) continue;
    Deno.removeSync(conflict, { recursive: true });
  }
}
