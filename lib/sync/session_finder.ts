/**
 * Which session a bind mount belongs to: the one of its folder, one of a folder above it, or a new one.
 *
 * A folder that is mounted after one inside it has a session of its own: the remote copy of the inner
 * one is where containers have it. What is in both is kept twice there, and both copies follow the one
 * folder here, so nothing is ever in conflict because of that. Who comes later shares the copy that
 * containers use.
 */
import { dirname, join } from "node:path";
import { relativeTo } from "./core/path_map.ts";
import { IgnoreFiles } from "./local/ignore_files.ts";
import type { Session } from "./session/session.ts";
import type { SessionStore } from "./session_store.ts";
import { checkSize, type Source } from "./sources.ts";
import type { MountRequest, SyncMode } from "./types.ts";
import { volumeName } from "./volume/volume_names.ts";

/** The part of a session's remote directory that containers see. */
const DATA = "data";
const STAGING = "staging";

/** Where a copy is: in a directory of the remote host, or in a volume of its engine. */
type CopyKind = "directory" | "volume";

/** In the place of a remote path in the ids of sessions: a folder may take the name of a file. */
const PLACES = {
  directory: { folder: "", file: "file" },
  volume: { folder: "volume", file: "file in a volume" },
} as const;

/** A session, and where in it the source of a mount is. */
export interface FoundSession {
  readonly session: Session;
  readonly below: string;
}

/** Finds or makes it; one call at a time. Throws `AgentError`, `SyncRefused` for what is too large. */
export async function findSession(
  store: SessionStore,
  source: Source,
  request: MountRequest,
  signal: AbortSignal,
): Promise<FoundSession> {
  const mode = request.mode ?? (request.readOnly ? "one-way-safe" : "two-way-safe");
  const kind = await kindFor(store, source, request, signal);
  const before = former(store, source, request.session, kind);
  const found = before !== undefined || source.only !== undefined
    ? known(store, before ?? source, kind)
    : sharing(store, source.root, request, kind);
  if (found === undefined) {
    const session = await make(store, before ?? source, request, mode, kind, signal);
    return { session, below: below(store, session, source) };
  }
  widen(found.session, mode, request.mode !== undefined && found.below === "");
  return { session: found.session, below: below(store, found.session, source) };
}

/** Where a copy is to be: where it was, or where there is a way to. */
async function kindFor(
  store: SessionStore,
  source: Source,
  { session }: MountRequest,
  signal: AbortSignal,
): Promise<CopyKind> {
  if (store.engine === undefined) return "directory";
  if (former(store, source, session, "volume") !== undefined) return "volume";
  return await store.shell(signal) === store.engine ? "volume" : "directory";
}

/** What a session of this id was about: the source itself, or a folder above it. */
function former(
  store: SessionStore,
  source: Source,
  id: string | undefined,
  kind: CopyKind,
): Source | undefined {
  if (id === undefined) return undefined;
  if (idOf(store, source, kind) === id) return source;
  for (let root = source.root;; root = dirname(root)) {
    if (idOf(store, { root }, kind) === id) return { root };
    if (root === dirname(root)) return undefined;
  }
}

function below(store: SessionStore, { record }: Session, source: Source): string {
  if (record.only !== undefined || source.only !== undefined) return "";
  return relativeTo(record.root, source.root, store.platform) ?? "";
}

function idOf(store: SessionStore, { root, only }: Source, kind: CopyKind): string {
  const words = PLACES[kind];
  return only === undefined
    ? store.idOf(root, words.folder)
    : store.idOf(join(root, only), words.file);
}

function known(store: SessionStore, source: Source, kind: CopyKind): FoundSession | undefined {
  const id = idOf(store, source, kind);
  const session = store.sessions.get(id) ?? store.adopt(id);
  return session && { session, below: "" };
}

/** The session whose root holds a folder: one that containers use before others, then the nearest. */
function sharing(
  store: SessionStore,
  root: string,
  request: MountRequest,
  kind: CopyKind,
): FoundSession | undefined {
  // One that another process has made meanwhile is among them then.
  known(store, { root }, kind);
  const found: FoundSession[] = [];
  for (const session of store.sessions.values()) {
    const { record } = session;
    const below = relativeTo(record.root, root, store.platform);
    if (below === undefined || record.only !== undefined || record.plain === true) continue;
    if ((record.volume === true) !== (kind === "volume")) continue;
    if (below === "" || canShare(store, session, below, request)) found.push({ session, below });
  }
  const isUsed = ({ session }: FoundSession) => Object.keys(session.record.containers).length > 0;
  const nearest = found.sort((a, b) => a.below.length - b.below.length);
  return nearest.find(isUsed) ?? nearest[0];
}

function canShare(
  store: SessionStore,
  { record }: Session,
  below: string,
  request: MountRequest,
): boolean {
  if (request.mode !== undefined && request.mode !== record.mode) return false;
  const tree = { root: record.root, platform: store.platform };
  const { rules } = new IgnoreFiles(tree, record.ignore, store.options.gitignore);
  const parts = below.split("/");
  return !parts.some((_, i) => rules(parts.slice(0, i + 1).join("/"), true));
}

/** A session that went one way because nobody wrote there goes both ways once somebody does. */
function widen(session: Session, mode: SyncMode, isExplicit: boolean): void {
  const { mode: current } = session.record;
  const wider = current === "one-way-safe" && mode === "two-way-safe";
  if (mode !== current && (isExplicit || wider)) session.update({ mode });
}

async function make(
  store: SessionStore,
  source: Source,
  request: MountRequest,
  mode: SyncMode,
  kind: CopyKind,
  signal: AbortSignal,
): Promise<Session> {
  const { only, root } = source;
  const { options } = store;
  const id = idOf(store, source, kind);
  const ignore = [...options.ignore, ...(request.ignore ?? [])];
  const tree = { root, platform: store.platform };
  const { rules } = new IgnoreFiles(tree, ignore, options.gitignore);
  await checkSize(tree, source, rules, options.maxBytes, signal);
  const name = only === undefined ? {} : { only };
  const made = { id, root, ...name, mode, ignore, remote: options.remote, containers: {} };
  if (kind === "volume") {
    const remotePath = volumeName(id);
    return store.start({ ...made, remotePath, staging: `${remotePath}/${STAGING}`, volume: true });
  }
  const base = `${await store.base(await store.shell(signal), signal)}/${id}`;
  return store.start({
    ...made,
    remotePath: only === undefined ? `${base}/${DATA}` : `${base}/${DATA}/${only}`,
    staging: `${base}/${STAGING}`,
  });
}
