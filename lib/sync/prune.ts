/** Removes the remote copies that nobody uses, after bringing back what they alone have. */
import { describeError } from "../errors.ts";
import { shellQuote } from "../transport/posix_shell.ts";
import { isMissing, type RemoteFiles } from "../transport/remote_files.ts";
import type { Shell } from "../transport/transport.ts";
import { removeTree } from "./files/open_files.ts";
import { statOrNothing } from "./local/tree.ts";
import { probeRemote } from "./remote/root.ts";
import { askScript } from "./remote/shell.ts";
import type { Session } from "./session/session.ts";
import { SESSION_ID, type SessionStore } from "./session_store.ts";
import type { PruneEntry } from "./types.ts";
import type { EngineShell } from "./volume/engine_shell.ts";
import { ownVolumes } from "./volume/own_volumes.ts";

/** A remote copy. */
interface Copy {
  readonly path: string;
  /** A stopped container has it, and it cannot be made again for that. */
  readonly isUsed?: boolean;
  /** Returns whether all of it is gone. */
  remove(): Promise<boolean>;
}

/** See `BindSync.prune`. */
export async function pruneCopies(
  store: SessionStore,
  dryRun: boolean,
  signal: AbortSignal,
): Promise<PruneEntry[]> {
  const shell = await store.shell(signal);
  const copies = new Map([
    ...shell === store.engine ? [] : await directories(store, shell, signal),
    ...store.engine === undefined ? [] : await volumes(store.engine, signal),
  ]);
  const known = [...store.sessions].filter(([, { record }]) => record.plain !== true);
  const pruned: PruneEntry[] = [];
  for (const id of new Set([...copies.keys(), ...known.map(([id]) => id)])) {
    const session = store.sessions.get(id) ?? store.adopt(id);
    if (session !== undefined && Object.keys(session.record.containers).length > 0) continue;
    const copy = copies.get(id);
    if (copy?.isUsed === true) continue;
    const path = copy?.path ?? session?.record.remotePath ?? "";
    const entry = { session: id, remotePath: path, root: session?.info().root ?? "" };
    if (dryRun || await pruneOne(store, entry, copy, session, signal)) pruned.push(entry);
  }
  return pruned;
}

async function volumes(shell: EngineShell, signal: AbortSignal): Promise<[string, Copy][]> {
  const found = await ownVolumes(shell, signal);
  return found.map(({ volume, isUsed }) => {
    const remove = async () => {
      await volume.destroy(signal);
      return true;
    };
    return [volume.session, { path: volume.name, isUsed, remove }];
  });
}

async function directories(
  store: SessionStore,
  shell: Shell,
  signal: AbortSignal,
): Promise<[string, Copy][]> {
  const base = await store.base(shell, signal);
  const { files } = await probeRemote(shell, signal);
  const names = files === undefined
    ? await listed(shell, base, signal)
    : await listedByFiles(files, base);
  return names.filter((name) => SESSION_ID.test(name)).map((id) => {
    const path = `${base}/${id}`;
    return [id, { path, remove: () => removeDirectory(store, shell, files, path, signal) }];
  });
}

async function listed(shell: Shell, base: string, signal: AbortSignal): Promise<string[]> {
  const script = `cd ${shellQuote(base)} 2>/dev/null && ls -1; :`;
  const { value = "" } = await askScript(shell, script, signal);
  return value.split("\n");
}

async function listedByFiles(files: RemoteFiles, base: string): Promise<string[]> {
  try {
    return (await files.list(base)).map(({ name }) => name);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** What the remote copy alone has is brought back before it is removed. */
async function pruneOne(
  store: SessionStore,
  { session: id, remotePath: path, root }: PruneEntry,
  copy: Copy | undefined,
  session: Session | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  let isGone: boolean;
  try {
    // From the last look to the end, no other program makes use of it.
    using _hold = await session?.hold(signal);
    if (copy !== undefined && session !== undefined) await bringHome(session, signal);
    await session?.close();
    store.sessions.delete(id);
    isGone = copy === undefined || await copy.remove();
    session?.forget();
  } catch (error) {
    store.options.log.warn(`Not pruned: ${describeError(error)}`, { folder: root, path });
    return false;
  }
  // Kept versions are the user's until restored.
  if (session?.conflicts.count === 0) Deno.removeSync(store.directoryOf(id), { recursive: true });
  return isGone;
}

/** A folder that somebody has deleted takes nothing back; nothing is lost if its copy is as it was. */
async function bringHome(session: Session, signal: AbortSignal): Promise<void> {
  const isGone = statOrNothing(session.record.root) === undefined;
  if (isGone && await session.isCopyAsAgreed(signal)) return;
  await session.flush({ signal });
}

async function removeDirectory(
  { options }: SessionStore,
  shell: Shell,
  files: RemoteFiles | undefined,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (files !== undefined) {
    await removeTree(files, path);
    return true;
  }
  const { code, stderr } = await askScript(shell, `rm -rf -- ${shellQuote(path)}`, signal);
  if (code === 0) return true;
  options.log.warn("Not all of a remote copy could be removed", { path, error: stderr[0] ?? "" });
  return false;
}
